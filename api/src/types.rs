//! oVirt's types and enums, generated from `model.json`.
//!
//! A field has the name of its element (`type` and other keywords with `_` behind) and the
//! model's meaning; every field is optional, because on input "not sent" differs from "empty".
//! An object inside another is a `Part`, several are a `List`: `cpu: Some(Cpu { … }.into())`,
//! `nics: Some(vec![Nic { … }].into())`.
#![allow(missing_docs)]

use std::any::Any;

use crate::table::{
    Field, FieldDef, Head, HeadMut, Leaf, Object, TypeDef, Typed, Value as FieldValue, Word,
    leaf_field, word_of,
};
use crate::{Date, Error, Links, List, Part};

macro_rules! wire_enum {
    ($name:ident: $($value:ident = $word:literal,)*) => {
        #[doc = concat!("oVirt's enum `", stringify!($name), "`.")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($value,)*
        }
        impl Word for $name {
            const NAME: &'static str = stringify!($name);
            const WORDS: &'static [(Self, &'static str)] = &[$(($name::$value, $word),)*];
        }
        impl $name {
            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                // The words stand in the order of the values.
                Self::WORDS.get(self as usize).map_or("", |(_, word)| word)
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl std::str::FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                word_of(text)
            }
        }
        impl Leaf for $name {
            const NAME: &'static str = stringify!($name);
            fn value(&self) -> FieldValue<'_> {
                FieldValue::Word(self.as_str())
            }
            fn parse(text: &str) -> Result<Self, Error> {
                word_of(text)
            }
        }
        leaf_field!($name);
    };
}

include!(concat!(env!("OUT_DIR"), "/types.rs"));
