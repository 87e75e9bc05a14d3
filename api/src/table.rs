//! How a generated type is seen without knowing which one it is: its table and its fields.
//!
//! Readers and writers of XML and JSON, `follow` and the tests go through these traits, so
//! that none of them is compiled once per type.

use std::any::Any;

use crate::{Date, Error, Links, List, Part};

/// What the model says of a type.
pub struct TypeDef {
    /// The type's name here (and in the model, but for `Option`).
    pub name: &'static str,
    /// Root element of one object.
    pub tag: &'static str,
    /// Root element of a collection.
    pub tags: &'static str,
    /// Whether it has an `id` attribute.
    pub id: bool,
    /// Its fields, in the order in which they are written.
    pub fields: &'static [FieldDef],
    /// Makes an empty one.
    pub new: fn() -> Box<dyn Object>,
}

impl std::fmt::Debug for TypeDef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TypeDef({})", self.name)
    }
}

impl TypeDef {
    /// The field with this tag.
    pub fn index_of(&self, tag: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.tag == tag)
    }

    /// The field that `follow` means: underscores and case do not matter, and the name of the
    /// link will do as well as that of the element.
    pub fn index_of_follow(&self, name: &str) -> Option<usize> {
        fn same(a: &str, b: &str) -> bool {
            let plain = |s: &str| {
                s.chars()
                    .filter(|c| *c != '_')
                    .map(|c| c.to_ascii_lowercase())
                    .collect::<String>()
            };
            plain(a) == plain(b)
        }
        self.fields
            .iter()
            .position(|field| same(field.tag, name) || field.rel.is_some_and(|rel| same(rel, name)))
    }
}

/// What the model says of one element of a type.
#[derive(Debug)]
pub struct FieldDef {
    /// The element.
    pub tag: &'static str,
    /// The elements inside, when it is a list.
    pub list: Option<&'static str>,
    /// The last segment of the sub-collection's path, when it goes out as a link unless followed.
    pub rel: Option<&'static str>,
    /// Goes out as a reference: `href` and `id`, no more.
    pub link: bool,
}

/// The attributes and links of an object that has an identity.
pub struct Head<'a> {
    /// `id`.
    pub id: &'a Option<String>,
    /// `href`.
    pub href: &'a Option<String>,
    /// Links and actions.
    pub links: &'a Links,
}

/// The same, to write to.
pub struct HeadMut<'a> {
    /// `id`.
    pub id: &'a mut Option<String>,
    /// `href`.
    pub href: &'a mut Option<String>,
    /// Links and actions.
    pub links: &'a mut Links,
}

/// A value of any generated type.
pub trait Object: std::fmt::Debug + Send + Sync + 'static {
    /// Its table.
    fn def(&self) -> &'static TypeDef;
    /// The field with this number in the table.
    fn field(&self, index: usize) -> Option<&dyn Field>;
    /// The same, to write to.
    fn field_mut(&mut self, index: usize) -> Option<&mut dyn Field>;
    /// Attributes and links; none for types that are only part of another.
    fn head(&self) -> Option<Head<'_>> {
        None
    }
    /// The same, to write to.
    fn head_mut(&mut self) -> Option<HeadMut<'_>> {
        None
    }
    /// For getting the type back.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    /// For looking at it as its type.
    fn as_any(&self) -> &dyn Any;
    /// A copy.
    fn boxed_clone(&self) -> Box<dyn Object>;
}

/// A generated type by name, with its readers and writers.
pub trait Typed: Object + Default + Clone + Sized {
    /// Its table.
    const DEF: &'static TypeDef;

    /// Reads a JSON value. Strict: a word that an enum lacks is an error.
    fn from_json(value: &serde_json::Value) -> Result<Self, Error> {
        let mut object = Self::default();
        crate::json::read_value(value, &mut object, crate::json::Unknown::Refuse)?;
        Ok(object)
    }

    /// Reads JSON text.
    fn from_json_str(text: &str) -> Result<Self, Error> {
        let mut object = Self::default();
        crate::json::read(text.as_bytes(), &mut object)?;
        Ok(object)
    }

    /// Its JSON.
    fn to_json(&self) -> serde_json::Value {
        crate::json::to_value(self)
    }

    /// Reads an XML document.
    #[cfg(feature = "xml")]
    fn from_xml(text: &str) -> Result<Self, Error> {
        let mut object = Self::default();
        crate::xml::read(text.as_bytes(), &mut object)?;
        Ok(object)
    }

    /// Its XML, without a declaration.
    #[cfg(feature = "xml")]
    fn to_xml(&self) -> String {
        crate::xml::to_string(self)
    }
}

/// What is in a field.
pub enum Value<'a> {
    /// Nothing; the element is not there.
    Absent,
    /// A string.
    Text(&'a str),
    /// A word of an enum.
    Word(&'static str),
    /// An integer.
    Integer(i64),
    /// A boolean.
    Boolean(bool),
    /// A decimal number.
    Decimal(f64),
    /// A point in time.
    Date(Date),
    /// An object.
    Object(&'a dyn Object),
    /// A list.
    List(&'a dyn Items),
}

/// A list of objects or values.
pub trait Items {
    /// How many.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// One of them.
    fn at(&self, index: usize) -> Value<'_>;
}

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text that becomes a value; the name is for messages.
    Leaf(&'static str),
    /// An object.
    Object(&'static TypeDef),
    /// A list of values.
    Leaves(&'static str),
    /// A list of objects.
    Objects(&'static TypeDef),
}

impl PartialEq for TypeDef {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TypeDef {}

/// One field of an object.
pub trait Field {
    /// What is in it.
    fn get(&self) -> Value<'_>;
    /// What it takes.
    fn shape(&self) -> Shape;
    /// Takes its value away.
    fn clear(&mut self);
    /// Sets the value from its text; in a list, adds one.
    fn set_text(&mut self, text: &str) -> Result<(), Error> {
        Err(Error::value("object", text))
    }
    /// The object in it, made if there is none; in a list, a new one at its end.
    fn object(&mut self) -> Option<&mut dyn Object> {
        None
    }
    /// Makes a list present, though maybe empty.
    fn open(&mut self) {}
    /// Puts an object of the right type in; in a list, at its end. False when the type is another.
    fn put(&mut self, object: Box<dyn Object>) -> bool {
        let _ = object;
        false
    }
    /// The objects in it, to write to.
    fn objects_mut(&mut self) -> Vec<&mut dyn Object> {
        Vec::new()
    }
}

/// A value that is one piece of text.
pub trait Leaf: Sized {
    /// For messages.
    const NAME: &'static str;
    /// As it is written.
    fn value(&self) -> Value<'_>;
    /// From its text.
    fn parse(text: &str) -> Result<Self, Error>;
}

impl Leaf for String {
    const NAME: &'static str = "string";
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
    fn parse(text: &str) -> Result<Self, Error> {
        Ok(text.to_string())
    }
}

impl Leaf for bool {
    const NAME: &'static str = "boolean";
    fn value(&self) -> Value<'_> {
        Value::Boolean(*self)
    }
    fn parse(text: &str) -> Result<Self, Error> {
        let word = text.trim();
        if word.eq_ignore_ascii_case("true") || word == "1" {
            Ok(true)
        } else if word.eq_ignore_ascii_case("false") || word == "0" {
            Ok(false)
        } else {
            Err(Error::value(Self::NAME, text))
        }
    }
}

impl Leaf for i64 {
    const NAME: &'static str = "integer";
    fn value(&self) -> Value<'_> {
        Value::Integer(*self)
    }
    fn parse(text: &str) -> Result<Self, Error> {
        text.trim()
            .parse()
            .map_err(|_| Error::value(Self::NAME, text))
    }
}

impl Leaf for f64 {
    const NAME: &'static str = "decimal";
    fn value(&self) -> Value<'_> {
        Value::Decimal(*self)
    }
    fn parse(text: &str) -> Result<Self, Error> {
        match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(Error::value(Self::NAME, text)),
        }
    }
}

impl Leaf for Date {
    const NAME: &'static str = "date";
    fn value(&self) -> Value<'_> {
        Value::Date(*self)
    }
    fn parse(text: &str) -> Result<Self, Error> {
        Date::parse(text.trim()).ok_or_else(|| Error::value(Self::NAME, text))
    }
}

/// A generated enum.
pub trait Word: Copy + Sized + 'static {
    /// The enum's name in the model.
    const NAME: &'static str;
    /// Every value with its word.
    const WORDS: &'static [(Self, &'static str)];
}

/// The value with this word, in any case.
pub(crate) fn word_of<W: Word>(text: &str) -> Result<W, Error> {
    let word = text.trim();
    W::WORDS
        .iter()
        .find(|(_, name)| name.eq_ignore_ascii_case(word))
        .map(|(value, _)| *value)
        .ok_or_else(|| Error::enum_value(W::NAME, text))
}

/// `Field` for an optional value and for a list of values. A blanket `impl` over [`Leaf`] would
/// overlap with the one for boxed objects.
macro_rules! leaf_field {
    ($($leaf:ty),*) => {$(
        impl $crate::table::Field for Option<$leaf> {
            fn get(&self) -> $crate::table::Value<'_> {
                self.as_ref().map_or($crate::table::Value::Absent, $crate::table::Leaf::value)
            }
            fn shape(&self) -> $crate::table::Shape {
                $crate::table::Shape::Leaf(<$leaf as $crate::table::Leaf>::NAME)
            }
            fn clear(&mut self) {
                *self = None;
            }
            fn set_text(&mut self, text: &str) -> Result<(), $crate::Error> {
                *self = Some($crate::table::Leaf::parse(text)?);
                Ok(())
            }
        }
        impl $crate::table::Field for Option<Vec<$leaf>> {
            fn get(&self) -> $crate::table::Value<'_> {
                self.as_ref().map_or($crate::table::Value::Absent, |list| {
                    $crate::table::Value::List(list)
                })
            }
            fn shape(&self) -> $crate::table::Shape {
                $crate::table::Shape::Leaves(<$leaf as $crate::table::Leaf>::NAME)
            }
            fn clear(&mut self) {
                *self = None;
            }
            fn set_text(&mut self, text: &str) -> Result<(), $crate::Error> {
                let value = $crate::table::Leaf::parse(text)?;
                self.get_or_insert_default().push(value);
                Ok(())
            }
            fn open(&mut self) {
                self.get_or_insert_default();
            }
        }
        impl $crate::table::Items for Vec<$leaf> {
            fn len(&self) -> usize {
                Vec::len(self)
            }
            fn at(&self, index: usize) -> $crate::table::Value<'_> {
                self.get(index).map_or($crate::table::Value::Absent, $crate::table::Leaf::value)
            }
        }
    )*};
}
pub(crate) use leaf_field;

leaf_field!(String, bool, i64, f64, Date);

impl<T: Typed> Field for Option<Part<T>> {
    fn get(&self) -> Value<'_> {
        self.as_deref()
            .map_or(Value::Absent, |object| Value::Object(object))
    }
    fn shape(&self) -> Shape {
        Shape::Object(T::DEF)
    }
    fn clear(&mut self) {
        *self = None;
    }
    fn object(&mut self) -> Option<&mut dyn Object> {
        Some(&mut **self.get_or_insert_default())
    }
    fn put(&mut self, object: Box<dyn Object>) -> bool {
        match object.into_any().downcast::<T>() {
            Ok(object) => {
                *self = Some(Part::from_box(object));
                true
            }
            Err(_) => false,
        }
    }
    fn objects_mut(&mut self) -> Vec<&mut dyn Object> {
        self.as_deref_mut()
            .into_iter()
            .map(|object| object as &mut dyn Object)
            .collect()
    }
}

impl<T: Typed> Field for Option<List<T>> {
    fn get(&self) -> Value<'_> {
        self.as_ref()
            .map_or(Value::Absent, |list| Value::List(list))
    }
    fn shape(&self) -> Shape {
        Shape::Objects(T::DEF)
    }
    fn clear(&mut self) {
        *self = None;
    }
    fn object(&mut self) -> Option<&mut dyn Object> {
        let list = self.get_or_insert_default();
        list.push(T::default());
        list.last_mut().map(|object| object as &mut dyn Object)
    }
    fn open(&mut self) {
        self.get_or_insert_default();
    }
    fn put(&mut self, object: Box<dyn Object>) -> bool {
        match object.into_any().downcast::<T>() {
            Ok(object) => {
                self.get_or_insert_default().push(*object);
                true
            }
            Err(_) => false,
        }
    }
    fn objects_mut(&mut self) -> Vec<&mut dyn Object> {
        self.iter_mut()
            .flat_map(|list| list.iter_mut())
            .map(|object| object as &mut dyn Object)
            .collect()
    }
}

impl<T: Typed> Items for List<T> {
    fn len(&self) -> usize {
        self.as_slice().len()
    }
    fn at(&self, index: usize) -> Value<'_> {
        self.as_slice()
            .get(index)
            .map_or(Value::Absent, |object| Value::Object(object))
    }
}
