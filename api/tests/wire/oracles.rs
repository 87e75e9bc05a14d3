//! What must hold for any document, used by the tests and by the fuzz targets: reading it ends,
//! and what was read is written so that it reads the same.

#![allow(
    dead_code,
    reason = "each fuzz target uses the one that is named after it"
)]

use api::types::{Action, Vm};
use api::{Error, Typed};

/// What comes back of what we wrote: everything, unless it has outgrown the limits on the way.
fn back<T>(result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(object) => Some(object),
        Err(Error::TooLarge(_)) => None,
        Err(error) => panic!("we read what we write: {error}"),
    }
}

/// Any bytes as XML; whether they were taken.
pub fn xml(bytes: &[u8]) -> bool {
    fn check<T: Typed>(bytes: &[u8]) -> bool {
        let mut object = T::default();
        if api::xml::read(bytes, &mut object).is_err() {
            return false;
        }
        // What no document may have is replaced when it is written; from then on nothing changes.
        let written = object.to_xml();
        if let Some(again) = back(T::from_xml(&written)) {
            assert_eq!(again.to_xml(), written);
        }
        true
    }
    let _ = api::xml::root_tag(bytes);
    check::<Vm>(bytes) | check::<Action>(bytes)
}

/// Any bytes as JSON; whether they were taken.
pub fn json(bytes: &[u8]) -> bool {
    fn check<T: Typed>(bytes: &[u8]) -> bool {
        let mut object = T::default();
        if api::json::read(bytes, &mut object).is_err() {
            return false;
        }
        let written = object.to_json();
        if let Some(again) = back(T::from_json(&written)) {
            assert_eq!(again.to_json(), written);
        }
        // The same value has an XML form, whatever its texts are.
        back(T::from_xml(&object.to_xml()));
        true
    }
    check::<Vm>(bytes) | check::<Action>(bytes)
}
