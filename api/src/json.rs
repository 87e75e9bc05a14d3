//! oVirt's JSON to and from any type: integers and booleans are strings, dates are epoch
//! milliseconds, lists are `{"nics":{"nic":[…]}}`, an empty one is `{}`.
//!
//! Strings and real numbers or booleans are both taken on input. Unknown members are passed
//! over, so that what was read can be sent back.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value as Json;

use crate::link::CreationState;
use crate::table::{Field, Items, Object, Shape, TypeDef, Typed, Value};
use crate::{Error, Link, MAX_BYTES, MAX_DEPTH, MAX_NODES};

/// What to do with an enum's word that we do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// It is an error: for what clients send.
    Refuse,
    /// The field stays empty: for what a newer server sends to an open page.
    Drop,
}

/// Reads a document into an empty object.
pub fn read(bytes: &[u8], object: &mut dyn Object) -> Result<(), Error> {
    if bytes.len() > MAX_BYTES {
        return Err(Error::TooLarge("bytes"));
    }
    // serde_json itself refuses more than 128 levels, so this cannot exhaust the stack.
    let value: Json = serde_json::from_slice(bytes).map_err(|e| Error::Malformed(e.to_string()))?;
    read_value(&value, object, Unknown::Refuse)
}

/// Reads a parsed document into an empty object.
pub fn read_value(value: &Json, object: &mut dyn Object, unknown: Unknown) -> Result<(), Error> {
    Reader { nodes: 0, unknown }.object(value, object, 0)
}

/// Reads a collection, `{"vm":[…]}`, as a page gets it: without the limits that hold for input.
pub fn read_list<T: Typed>(value: &Json) -> Result<Vec<T>, Error> {
    let Some(members) = value.as_object() else {
        return Err(Error::Malformed("a collection is an object".into()));
    };
    let Some(items) = members.get(T::DEF.tag) else {
        return Ok(Vec::new());
    };
    let read_one = |item: &Json| {
        let mut object = T::default();
        read_value(item, &mut object, Unknown::Drop)?;
        Ok(object)
    };
    match items {
        Json::Array(items) => items.iter().map(read_one).collect(),
        one => Ok(vec![read_one(one)?]),
    }
}

/// An object's JSON as a value.
pub fn to_value(object: &dyn Object) -> Json {
    serde_json::to_value(One(object)).unwrap_or(Json::Null)
}

/// An object's JSON as text.
pub fn to_string(object: &dyn Object) -> String {
    serde_json::to_string(&One(object)).unwrap_or_default()
}

/// A collection's JSON in pieces. Its objects are taken one by one, so that a long list is never
/// there as a whole, neither as objects nor as text.
pub fn list_pieces(
    def: &'static TypeDef,
    items: impl Iterator<Item = Box<dyn Object>>,
) -> impl Iterator<Item = String> {
    let mut items = items.peekable();
    let (begin, end) = match items.peek() {
        Some(_) => (format!("{{\"{}\":[", def.tag), Some("]}".to_owned())),
        None => ("{}".to_owned(), None),
    };
    let items = items.enumerate().map(|(index, item)| {
        let text = to_string(item.as_ref());
        if index == 0 { text } else { format!(",{text}") }
    });
    std::iter::once(begin).chain(items).chain(end)
}

struct Reader {
    nodes: usize,
    unknown: Unknown,
}

impl Reader {
    fn count(&mut self, depth: usize) -> Result<(), Error> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Error::TooLarge("elements"));
        }
        if depth > MAX_DEPTH {
            return Err(Error::TooLarge("levels"));
        }
        Ok(())
    }

    fn object(&mut self, json: &Json, object: &mut dyn Object, depth: usize) -> Result<(), Error> {
        self.count(depth)?;
        let Some(members) = json.as_object() else {
            return Err(Error::value("object", &json.to_string()));
        };
        let def = object.def();
        for (key, value) in members {
            if let Some(index) = def.index_of(key) {
                if let Some(field) = object.field_mut(index) {
                    let list = def.fields[index].list;
                    self.field(value, field, list, depth + 1)
                        .map_err(|e| e.within(key))?;
                }
            } else {
                self.head(key, value, object)?;
            }
        }
        Ok(())
    }

    /// The members that are attributes and links in XML.
    fn head(&mut self, key: &str, value: &Json, object: &mut dyn Object) -> Result<(), Error> {
        let Some(head) = object.head_mut() else {
            return Ok(());
        };
        match key {
            "id" => *head.id = text_of(value),
            "href" => *head.href = text_of(value),
            "link" => head.links.links = self.links(value)?,
            "actions" => {
                if let Some(links) = value.get("link") {
                    head.links.actions = self.links(links)?;
                }
            }
            "creation_status" => {
                head.links.creation_status = value.as_str().and_then(CreationState::parse);
            }
            _ => {}
        }
        Ok(())
    }

    fn links(&mut self, value: &Json) -> Result<Vec<Link>, Error> {
        let mut links = Vec::new();
        for link in value.as_array().into_iter().flatten() {
            self.count(0)?;
            if let (Some(href), Some(rel)) = (link["href"].as_str(), link["rel"].as_str()) {
                links.push(Link {
                    href: href.to_string(),
                    rel: rel.to_string(),
                });
            }
        }
        Ok(links)
    }

    fn field(
        &mut self,
        value: &Json,
        field: &mut dyn Field,
        list: Option<&str>,
        depth: usize,
    ) -> Result<(), Error> {
        self.count(depth)?;
        if value.is_null() {
            return Ok(());
        }
        match field.shape() {
            Shape::Leaf(expected) => self.leaf(value, field, expected),
            Shape::Object(_) => match field.object() {
                Some(object) => self.object(value, object, depth),
                None => Ok(()),
            },
            shape @ (Shape::Leaves(_) | Shape::Objects(_)) => {
                field.open();
                let items = match (value, list) {
                    (Json::Object(members), Some(tag)) => match members.get(tag) {
                        Some(items) => items,
                        None => return Ok(()),
                    },
                    _ => value,
                };
                match items {
                    Json::Null => Ok(()),
                    Json::Array(items) => items
                        .iter()
                        .try_for_each(|item| self.item(item, field, shape, depth)),
                    one => self.item(one, field, shape, depth),
                }
            }
        }
    }

    fn item(
        &mut self,
        item: &Json,
        field: &mut dyn Field,
        shape: Shape,
        depth: usize,
    ) -> Result<(), Error> {
        match shape {
            Shape::Leaves(expected) => {
                self.count(depth)?;
                self.leaf(item, field, expected)
            }
            _ => match field.object() {
                Some(object) => self.object(item, object, depth + 1),
                None => Ok(()),
            },
        }
    }

    fn leaf(
        &mut self,
        value: &Json,
        field: &mut dyn Field,
        expected: &'static str,
    ) -> Result<(), Error> {
        let Some(text) = text_of(value) else {
            return Err(Error::value(expected, &value.to_string()));
        };
        match field.set_text(&text) {
            Err(Error::EnumValue { .. }) if self.unknown == Unknown::Drop => Ok(()),
            result => result,
        }
    }
}

fn text_of(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

struct One<'a>(&'a dyn Object);
struct Any<'a>(Value<'a>);
struct Inner<'a>(&'a dyn Items);
struct List<'a> {
    tag: &'static str,
    items: &'a dyn Items,
}
struct Rels<'a>(&'a [Link]);
struct Actions<'a>(&'a [Link]);

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(head) = self.0.head() {
            if let Some(id) = head.id {
                map.serialize_entry("id", id)?;
            }
            if let Some(href) = head.href {
                map.serialize_entry("href", href)?;
            }
            if !head.links.actions.is_empty() {
                map.serialize_entry("actions", &Actions(&head.links.actions))?;
            }
            if !head.links.links.is_empty() {
                map.serialize_entry("link", &Rels(&head.links.links))?;
            }
            if let Some(state) = head.links.creation_status {
                map.serialize_entry("creation_status", state.as_str())?;
            }
        }
        for (index, def) in self.0.def().fields.iter().enumerate() {
            let Some(field) = self.0.field(index) else {
                continue;
            };
            match (field.get(), def.list) {
                (Value::Absent, _) => {}
                // There is no such JSON number.
                (Value::Decimal(number), _) if !number.is_finite() => {}
                (Value::List(items), Some(tag)) => {
                    map.serialize_entry(def.tag, &List { tag, items })?;
                }
                (value, _) => map.serialize_entry(def.tag, &Any(value))?,
            }
        }
        map.end()
    }
}

impl Serialize for Any<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Absent => serializer.serialize_none(),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Word(word) => serializer.serialize_str(word),
            Value::Integer(number) => serializer.collect_str(&number),
            Value::Boolean(value) => serializer.collect_str(&value),
            Value::Decimal(number) => serializer.serialize_f64(number),
            Value::Date(date) => serializer.serialize_i64(date.millis()),
            Value::Object(object) => One(object).serialize(serializer),
            Value::List(items) => Inner(items).serialize(serializer),
        }
    }
}

impl Serialize for Inner<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.len()))?;
        for index in 0..self.0.len() {
            seq.serialize_element(&Any(self.0.at(index)))?;
        }
        seq.end()
    }
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.items.is_empty() {
            map.serialize_entry(self.tag, &Inner(self.items))?;
        }
        map.end()
    }
}

impl Serialize for Rels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Rel<'a>(&'a Link);
        impl Serialize for Rel<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("href", &self.0.href)?;
                map.serialize_entry("rel", &self.0.rel)?;
                map.end()
            }
        }
        serializer.collect_seq(self.0.iter().map(Rel))
    }
}

impl Serialize for Actions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("link", &Rels(self.0))?;
        map.end()
    }
}
