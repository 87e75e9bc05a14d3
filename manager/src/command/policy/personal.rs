//! What belongs to one user: keys for serial consoles, and what portals remember. Also the
//! variables of a network interface's filter, which are as small.

use uuid::Uuid;

use super::super::check;
use super::log;
use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::code;
use crate::model::{
    FilterParameter, NicId, ObjectId, Permit, SshPublicKey, User, UserId, UserOption, VmId,
};
use crate::writer::Draft;

/// Keys that a user may have.
const MOST_KEYS: usize = 100;
/// Options that a user may have.
const MOST_OPTIONS: usize = 200;
/// Bytes of one option.
const LARGEST_OPTION: usize = 64 << 10;
/// Variables that an interface may have.
const MOST_PARAMETERS: usize = 64;

/// The user: themselves, if they may, or somebody who manages users.
fn the_user(draft: &Draft, caller: &Caller, id: UserId) -> Result<User> {
    let own = caller.person() == Some(id)
        && access::may(draft, caller, Permit::EDIT_PROFILE, ObjectId::System);
    if !own {
        access::require(draft, caller, Permit::MANIPULATE_USERS, id)?;
    }
    let it = draft.users.get(&id).ok_or_else(|| Error::not_found(id))?;
    Ok((**it).clone())
}

fn check_key(content: &str) -> Result<()> {
    let wrong = || {
        Error::invalid(
            "content",
            "The text is no SSH public key as in a file authorized_keys, on one line.",
        )
    };
    if content.len() > 16 << 10 || content.chars().any(char::is_control) {
        return Err(wrong());
    }
    let mut words = content.split_whitespace();
    let (Some(kind), Some(key)) = (words.next(), words.next()) else {
        return Err(wrong());
    };
    let known = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
    // Whether it is a key at all is for whoever logs in with it to find out, as it is for the
    // engine: oVirt's own examples have dots for the letters in the middle.
    let one_word = key.len() >= 4 && key.bytes().all(|byte| byte.is_ascii_graphic());
    if known.iter().any(|begin| kind.starts_with(begin)) && one_word {
        Ok(())
    } else {
        Err(wrong())
    }
}

fn save(draft: &mut Draft, caller: &Caller, user: User) -> Result<()> {
    let text = format!("The profile of User {} was updated.", user.user_name);
    draft.put(user)?;
    log(draft, caller, code::USER_UPDATED, text, None);
    Ok(())
}

impl Manager {
    /// Gives a user a key.
    pub async fn ssh_key_add(
        &self,
        caller: &Caller,
        user: UserId,
        content: String,
    ) -> Result<SshPublicKey> {
        self.write(caller, move |draft, caller| {
            let mut it = the_user(draft, caller, user)?;
            let content = content.trim().to_owned();
            check_key(&content)?;
            if it.ssh_public_keys.iter().any(|key| key.content == content) {
                return Err(Error::conflict(
                    "Cannot add SSH public key. The user has this key already.",
                ));
            }
            if it.ssh_public_keys.len() >= MOST_KEYS {
                return Err(Error::conflict(
                    "Cannot add SSH public key. The user has too many keys.",
                ));
            }
            let key = SshPublicKey {
                id: Uuid::new_v4(),
                content,
            };
            it.ssh_public_keys.push(key.clone());
            save(draft, caller, it)?;
            Ok(key)
        })
        .await
    }

    /// Changes a user's key.
    pub async fn ssh_key_update(
        &self,
        caller: &Caller,
        user: UserId,
        id: Uuid,
        content: String,
    ) -> Result<SshPublicKey> {
        self.write(caller, move |draft, caller| {
            let mut it = the_user(draft, caller, user)?;
            let content = content.trim().to_owned();
            check_key(&content)?;
            let key = it.ssh_public_keys.iter_mut().find(|key| key.id == id);
            let key = key.ok_or_else(|| Error::not_found(id))?;
            key.content = content;
            let key = key.clone();
            save(draft, caller, it)?;
            Ok(key)
        })
        .await
    }

    /// Takes a user's key away.
    pub async fn ssh_key_remove(&self, caller: &Caller, user: UserId, id: Uuid) -> Result<()> {
        self.write(caller, move |draft, caller| {
            let mut it = the_user(draft, caller, user)?;
            let count = it.ssh_public_keys.len();
            it.ssh_public_keys.retain(|key| key.id != id);
            if it.ssh_public_keys.len() == count {
                return Err(Error::not_found(id));
            }
            save(draft, caller, it)
        })
        .await
    }

    /// Keeps an option of a user; one of the same name is replaced.
    pub async fn user_option_add(
        &self,
        caller: &Caller,
        user: UserId,
        name: String,
        content: String,
    ) -> Result<UserOption> {
        self.write(caller, move |draft, caller| {
            let mut it = the_user(draft, caller, user)?;
            check::label("name", &name)?;
            if content.len() > LARGEST_OPTION
                || serde_json::from_str::<serde::de::IgnoredAny>(&content).is_err()
            {
                return Err(Error::invalid(
                    "content",
                    "The content of an option is JSON of at most 64 KiB.",
                ));
            }
            it.options.retain(|option| option.name != name);
            if it.options.len() >= MOST_OPTIONS {
                return Err(Error::conflict("Cannot add option. The user has too many."));
            }
            let option = UserOption {
                id: Uuid::new_v4(),
                name,
                content,
            };
            it.options.push(option.clone());
            // No line in the log: portals do this all the time.
            draft.put(it)?;
            Ok(option)
        })
        .await
    }

    /// Forgets an option of a user.
    pub async fn user_option_remove(&self, caller: &Caller, user: UserId, id: Uuid) -> Result<()> {
        self.write(caller, move |draft, caller| {
            let mut it = the_user(draft, caller, user)?;
            let count = it.options.len();
            it.options.retain(|option| option.id != id);
            if it.options.len() == count {
                return Err(Error::not_found(id));
            }
            draft.put(it)
        })
        .await
    }

    /// Changes the variables of an interface's network filter; used at the VM's next start.
    pub async fn filter_parameters_update(
        &self,
        caller: &Caller,
        vm: VmId,
        nic: NicId,
        change: impl FnOnce(&mut Vec<FilterParameter>) -> Result<()> + Send + 'static,
    ) -> Result<Vec<FilterParameter>> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::CONFIGURE_VM_NETWORK, vm)?;
            let old = draft.vms.get(&vm).ok_or_else(|| Error::not_found(vm))?;
            let mut it: crate::model::Vm = (**old).clone();
            let place = it.nics.iter_mut().find(|there| there.id == nic);
            let place = place.ok_or_else(|| Error::not_found(nic))?;
            change(&mut place.filter_parameters)?;
            for parameter in &place.filter_parameters {
                let name = &parameter.name;
                let fits = !name.is_empty()
                    && name.len() <= 64
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                if !fits {
                    return Err(Error::invalid(
                        "name",
                        "The name of a filter's parameter has letters, digits and '_' only.",
                    ));
                }
                check::label("value", &parameter.value)?;
            }
            if place.filter_parameters.len() > MOST_PARAMETERS {
                return Err(Error::conflict(
                    "Cannot edit Interface. It has too many filter parameters.",
                ));
            }
            let parameters = place.filter_parameters.clone();
            let (name, vm_name) = (place.name.clone(), it.name.clone());
            draft.put(it)?;
            let event = crate::event::EventDraft::new(
                code::NIC_UPDATED,
                format!("Interface {name} of VM {vm_name} was updated."),
            );
            draft.event(event.vm(vm, draft).by(caller, draft));
            Ok(parameters)
        })
        .await
    }
}

/// A parameter that is new.
impl FilterParameter {
    /// With an id of its own.
    #[must_use]
    pub fn new(name: String, value: String) -> Self {
        Self {
            id: Uuid::new_v4(),
            name,
            value,
        }
    }
}

/// Refuses what is missing, for [`Manager::filter_parameters_update`].
impl Error {
    /// A missing part of an object.
    #[must_use]
    pub fn missing(what: impl std::fmt::Display) -> Self {
        Self::not_found(what)
    }
}
