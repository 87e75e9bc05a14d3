//! Checks that many commands share: names, sizes, texts. Each refusal is a sentence.

use crate::error::{Error, Result};
use crate::inventory::Inventory;
use crate::model::{DataCenterId, Disk, DiskStatus, StorageDomain, StorageDomainStatus, Vm, VmId};

/// Longest name of a VM, disk or template, in characters.
const LONGEST_NAME: usize = 255;
/// Longest name of anything else, in characters.
const LONGEST_SHORT_NAME: usize = 64;
/// Longest free text, in characters.
const LONGEST_TEXT: usize = 4000;
const GIB: u64 = 1 << 30;

fn is_name(name: &str, longest: usize) -> bool {
    !name.is_empty()
        && name.chars().count() <= longest
        && name
            .chars()
            .all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-'))
}

/// A name of a VM or template: letters, digits, `.`, `_`, `-`.
pub(super) fn vm_name(name: &str) -> Result<()> {
    if is_name(name, LONGEST_NAME) {
        return Ok(());
    }
    Err(Error::invalid(
        "name",
        format!(
            "The name must have 1 to {LONGEST_NAME} characters, and only letters, digits, '.', '_' and '-'."
        ),
    ))
}

/// A name of something of the infrastructure: the same letters, shorter.
pub(super) fn short_name(name: &str) -> Result<()> {
    if is_name(name, LONGEST_SHORT_NAME) {
        return Ok(());
    }
    Err(Error::invalid(
        "name",
        format!(
            "The name must have 1 to {LONGEST_SHORT_NAME} characters, and only letters, digits, '.', '_' and '-'."
        ),
    ))
}

/// A name that is shown only: anything on one line.
pub(super) fn label(field: &'static str, name: &str) -> Result<()> {
    let fits = !name.trim().is_empty()
        && name.chars().count() <= LONGEST_NAME
        && !name.chars().any(char::is_control);
    if fits {
        return Ok(());
    }
    Err(Error::invalid(
        field,
        format!("The {field} must have 1 to {LONGEST_NAME} characters on one line."),
    ))
}

/// A free text.
pub(super) fn text(field: &'static str, text: &str) -> Result<()> {
    let fits = text.chars().count() <= LONGEST_TEXT
        && !text
            .chars()
            .any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t'));
    if fits {
        return Ok(());
    }
    Err(Error::invalid(
        field,
        format!(
            "The {field} must have at most {LONGEST_TEXT} characters and no control characters."
        ),
    ))
}

/// Sets a free text that was sent.
pub(super) fn set_text(
    field: &'static str,
    value: &mut String,
    sent: Option<String>,
) -> Result<()> {
    if let Some(sent) = sent {
        text(field, &sent)?;
        *value = sent;
    }
    Ok(())
}

/// A VM's name is unique in its data center.
pub(super) fn vm_name_free(
    inventory: &Inventory,
    name: &str,
    data_center: Option<DataCenterId>,
    except: Option<VmId>,
    what: &str,
) -> Result<()> {
    match inventory.vm_by_name(name, data_center) {
        Some(vm) if Some(vm.id) != except => Err(Error::conflict(format!(
            "Cannot {what} VM. The VM name is already in use, please choose a unique name and try again."
        ))),
        _ => Ok(()),
    }
}

/// A disk that a VM can be given or run with.
pub(super) fn disk_ready(disk: &Disk, what: &str) -> Result<()> {
    match disk.status {
        DiskStatus::Ok => Ok(()),
        DiskStatus::Locked => Err(Error::conflict(format!(
            "Cannot {what}: The following disks are locked: {}. Please try again in a few minutes.",
            disk.name
        ))),
        DiskStatus::Illegal => Err(Error::conflict(format!(
            "Cannot {what}. The following disks are in ILLEGAL status: {}.",
            disk.name
        ))),
    }
}

/// A storage domain that a disk of this size can be made in. `taken` is what it takes at once.
pub(super) fn room(domain: &StorageDomain, taken: u64, what: &str) -> Result<()> {
    if domain.status != StorageDomainStatus::Active {
        return Err(Error::conflict(format!(
            "Cannot {what}. The relevant Storage Domain is inaccessible: {} is {}.",
            domain.name, domain.status
        )));
    }
    let reserve = u64::from(domain.critical_space) * GIB;
    if domain.available < reserve || domain.available - reserve < taken {
        return Err(Error::NoSpace {
            messages: vec![format!(
                "Cannot {what}. Low disk space on Storage Domain {}: {} MiB are free, of which {} MiB are kept in reserve.",
                domain.name,
                domain.available >> 20,
                reserve >> 20
            )],
        });
    }
    Ok(())
}

/// A VM that does not run.
pub(super) fn down(vm: &Vm, what: &str) -> Result<()> {
    use crate::model::VmStatus;
    if vm.run.status == VmStatus::Down {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "Cannot {what}. {}",
        crate::rules::state_sentence(vm)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_vms_are_letters_digits_and_three_signs() {
        for good in ["web1", "Größe.1", "日本", "a_b-c.d", &"x".repeat(255)] {
            assert!(vm_name(good).is_ok(), "{good}");
        }
        for bad in ["", " ", "a b", "<b>", "a/b", "a\n", "a'b", &"x".repeat(256)] {
            assert!(vm_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_may_have_lines_but_no_control_characters() {
        assert!(text("description", "d & <e> é\nsecond line").is_ok());
        assert!(text("description", "\u{1b}[2J").is_err());
        assert!(text("description", &"x".repeat(4001)).is_err());
    }
}
