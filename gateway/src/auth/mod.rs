//! Who is asking.
pub(crate) mod pki;
