//! Where one type holds another: [`Part`], one of it on the heap, and [`List`], several.
//!
//! They are `Box` and `Vec`, but for one thing. The 220 types contain one another in long rings,
//! and for a `Box` or `Vec` the compiler walks the whole ring whenever it must know whether a
//! value may go to another thread, past its recursion limit, in every crate that holds one
//! across an await. Here the walk ends at the next type, because [`Object`] says it.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::Object;

/// An object inside another.
#[derive(Clone, PartialEq, Default)]
pub struct Part<T>(Box<T>);

/// Objects inside another.
#[derive(Clone, PartialEq)]
pub struct List<T>(Vec<T>);

// SAFETY: a `Part<T>` owns a `T` and nothing else, and every `Object` is `Send`.
unsafe impl<T: Object> Send for Part<T> {}
// SAFETY: sharing a `Part<T>` shares its `T` and nothing else, and every `Object` is `Sync`.
unsafe impl<T: Object> Sync for Part<T> {}
// SAFETY: a `List<T>` owns `T`s and nothing else, and every `Object` is `Send`.
unsafe impl<T: Object> Send for List<T> {}
// SAFETY: sharing a `List<T>` shares its `T`s and nothing else, and every `Object` is `Sync`.
unsafe impl<T: Object> Sync for List<T> {}

impl<T> Part<T> {
    /// The object itself.
    pub fn into_inner(self) -> T {
        *self.0
    }

    pub(crate) fn from_box(object: Box<T>) -> Self {
        Part(object)
    }
}

impl<T> From<T> for Part<T> {
    fn from(object: T) -> Self {
        Part(Box::new(object))
    }
}

impl<T> Deref for Part<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Part<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Part<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> List<T> {
    /// The objects themselves.
    pub fn into_inner(self) -> Vec<T> {
        self.0
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        List(Vec::new())
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(objects: Vec<T>) -> Self {
        List(objects)
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(objects: I) -> Self {
        List(objects.into_iter().collect())
    }
}

impl<T> IntoIterator for List<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T> Deref for List<T> {
    type Target = Vec<T>;
    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T> DerefMut for List<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
