//! `<fault>`: how the API says no.

use crate::types::Fault;

/// Reason of every refusal that the manager itself makes.
pub const OPERATION_FAILED: &str = "Operation Failed";
/// Reason when a mandatory element is missing.
pub const INCOMPLETE: &str = "Incomplete parameters";

/// A fault with this reason and detail.
pub fn fault(reason: impl Into<String>, detail: impl Into<String>) -> Fault {
    Fault {
        reason: Some(reason.into()),
        detail: Some(detail.into()),
    }
}

/// A refusal of the manager: its messages in the brackets that oVirt's clients look for.
pub fn refused<S: AsRef<str>>(messages: &[S]) -> Fault {
    let joined = messages
        .iter()
        .map(AsRef::as_ref)
        .collect::<Vec<_>>()
        .join(", ");
    fault(OPERATION_FAILED, format!("[{joined}]"))
}

/// `Vm [name, cluster.id|name] required for add`.
pub fn incomplete(type_name: &str, fields: &[&str], method: &str) -> Fault {
    fault(
        INCOMPLETE,
        format!("{type_name} [{}] required for {method}", fields.join(", ")),
    )
}

/// `Entity not found: X`.
pub fn not_found(what: &str) -> Fault {
    fault(OPERATION_FAILED, format!("Entity not found: {what}"))
}
