//! oVirt's XML to and from any type.
//!
//! `id` and `href` are attributes, all else is an element. Unknown elements are passed over,
//! prefixes are ignored, a document type is refused, and nothing is taken deeper, longer or
//! with more elements than the limits of this crate.

use std::borrow::Cow;

use quick_xml::Reader as XmlReader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use crate::link::CreationState;
use crate::table::{Field, Object, Shape, TypeDef, Value};
use crate::{Error, Link, MAX_BYTES, MAX_DEPTH, MAX_NODES};

/// Reads a document into an empty object; its root element must be the type's.
pub fn read(bytes: &[u8], object: &mut dyn Object) -> Result<(), Error> {
    let mut reader = Reader::new(bytes)?;
    let expected = object.def().tag;
    loop {
        match reader.next()? {
            Token::Open {
                tag,
                id,
                href,
                empty,
            } => {
                if tag != expected {
                    return Err(Error::Root {
                        expected,
                        found: crate::error::shorten(&tag),
                    });
                }
                set_attributes(object, id, href);
                if !empty {
                    reader.object(object, 1)?;
                }
                return reader.end();
            }
            Token::Text(text) if text.trim().is_empty() => {}
            Token::Text(_) | Token::Close => return Err(malformed("text before the root element")),
            Token::End => return Err(malformed("there is no element in it")),
        }
    }
}

/// The tag of a document's root element, for bodies that may be one of several.
pub fn root_tag(bytes: &[u8]) -> Result<String, Error> {
    let mut reader = Reader::new(bytes)?;
    loop {
        match reader.next()? {
            Token::Open { tag, .. } => return Ok(tag),
            Token::Text(text) if text.trim().is_empty() => {}
            _ => return Err(malformed("there is no element in it")),
        }
    }
}

/// An object's XML, without a declaration.
pub fn to_string(object: &dyn Object) -> String {
    let mut out = String::with_capacity(1024);
    write_object(&mut out, object.def().tag, object);
    out
}

/// A collection's XML in pieces, without a declaration. Its objects are taken one by one, so that
/// a long list is never there as a whole, neither as objects nor as text.
pub fn list_pieces(
    def: &'static TypeDef,
    items: impl Iterator<Item = Box<dyn Object>>,
) -> impl Iterator<Item = String> {
    let mut items = items.peekable();
    let (begin, end) = match items.peek() {
        Some(_) => (format!("<{}>", def.tags), Some(format!("</{}>", def.tags))),
        None => (format!("<{}/>", def.tags), None),
    };
    let items = items.map(|item| to_string(item.as_ref()));
    std::iter::once(begin).chain(items).chain(end)
}

fn malformed(why: &str) -> Error {
    Error::Malformed(why.to_string())
}

fn set_attributes(object: &mut dyn Object, id: Option<String>, href: Option<String>) {
    if let Some(head) = object.head_mut() {
        *head.id = id;
        *head.href = href;
    }
}

enum Token {
    Open {
        tag: String,
        id: Option<String>,
        href: Option<String>,
        empty: bool,
    },
    Text(String),
    Close,
    End,
}

struct Reader<'a> {
    xml: XmlReader<&'a [u8]>,
    nodes: usize,
    rel: Option<String>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_BYTES {
            return Err(Error::TooLarge("bytes"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut xml = XmlReader::from_reader(text.as_bytes());
        xml.config_mut().expand_empty_elements = false;
        xml.config_mut().check_end_names = true;
        Ok(Reader {
            xml,
            nodes: 0,
            rel: None,
        })
    }

    fn next(&mut self) -> Result<Token, Error> {
        loop {
            let event = self
                .xml
                .read_event()
                .map_err(|e| Error::Malformed(e.to_string()))?;
            return Ok(match event {
                Event::Start(start) => self.open(&start, false)?,
                Event::Empty(start) => self.open(&start, true)?,
                Event::End(_) => Token::Close,
                Event::Text(text) => Token::Text(text.xml10_content().into_owned()),
                Event::CData(text) => Token::Text(text.xml10_content().into_owned()),
                Event::GeneralRef(reference) => Token::Text(entity(&reference)?.into()),
                Event::DocType(_) => return Err(malformed("a document type is not taken")),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => continue,
                Event::Eof => Token::End,
            });
        }
    }

    fn open(&mut self, start: &BytesStart<'_>, empty: bool) -> Result<Token, Error> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Error::TooLarge("elements"));
        }
        let tag = start.local_name().as_ref().to_string();
        let (mut id, mut href) = (None, None);
        self.rel = None;
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|e| Error::Malformed(e.to_string()))?;
            let place = match attribute.key.local_name().as_ref() {
                "id" => &mut id,
                "href" => &mut href,
                "rel" => &mut self.rel,
                _ => continue,
            };
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|e| Error::Malformed(e.to_string()))?;
            *place = Some(value.into_owned());
        }
        Ok(Token::Open {
            tag,
            id,
            href,
            empty,
        })
    }

    /// The children of an element that has been opened, up to its end.
    fn object(&mut self, object: &mut dyn Object, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooLarge("levels"));
        }
        let def = object.def();
        loop {
            match self.next()? {
                // Text between elements says nothing.
                Token::Text(_) => {}
                Token::Close => return Ok(()),
                Token::End => return Err(malformed("it ends inside an element")),
                Token::Open {
                    tag,
                    id,
                    href,
                    empty,
                } => {
                    if let Some(index) = def.index_of(&tag)
                        && let Some(field) = object.field_mut(index)
                    {
                        let list = def.fields[index].list;
                        self.field(field, list, id, href, empty, depth + 1)
                            .map_err(|e| e.within(&tag))?;
                        continue;
                    }
                    self.head(object, &tag, href, empty, depth + 1)?;
                }
            }
        }
    }

    /// The elements that are links rather than fields.
    fn head(
        &mut self,
        object: &mut dyn Object,
        tag: &str,
        href: Option<String>,
        empty: bool,
        depth: usize,
    ) -> Result<(), Error> {
        match tag {
            "link" => {
                let link = self.link(href);
                if let (Some(head), Some(link)) = (object.head_mut(), link) {
                    head.links.links.push(link);
                }
                self.skip(empty, depth)
            }
            "actions" if !empty => loop {
                match self.next()? {
                    Token::Text(_) => {}
                    Token::Close => return Ok(()),
                    Token::End => return Err(malformed("it ends inside an element")),
                    Token::Open { href, empty, .. } => {
                        let link = self.link(href);
                        if let (Some(head), Some(link)) = (object.head_mut(), link) {
                            head.links.actions.push(link);
                        }
                        self.skip(empty, depth + 1)?;
                    }
                }
            },
            "creation_status" => {
                let text = self.text(empty, depth)?;
                if let Some(head) = object.head_mut() {
                    head.links.creation_status = CreationState::parse(text.trim());
                }
                Ok(())
            }
            _ => self.skip(empty, depth),
        }
    }

    fn link(&mut self, href: Option<String>) -> Option<Link> {
        Some(Link {
            href: href?,
            rel: self.rel.take()?,
        })
    }

    fn field(
        &mut self,
        field: &mut dyn Field,
        list: Option<&str>,
        id: Option<String>,
        href: Option<String>,
        empty: bool,
        depth: usize,
    ) -> Result<(), Error> {
        match field.shape() {
            Shape::Leaf(_) => {
                let text = self.text(empty, depth)?;
                field.set_text(&text)
            }
            Shape::Object(_) => {
                if let Some(object) = field.object() {
                    set_attributes(object, id, href);
                    if !empty {
                        self.object(object, depth)?;
                    }
                }
                Ok(())
            }
            Shape::Leaves(_) | Shape::Objects(_) => {
                field.open();
                if empty {
                    Ok(())
                } else {
                    self.list(field, list, depth)
                }
            }
        }
    }

    fn list(
        &mut self,
        field: &mut dyn Field,
        item: Option<&str>,
        depth: usize,
    ) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooLarge("levels"));
        }
        loop {
            match self.next()? {
                Token::Text(_) => {}
                Token::Close => return Ok(()),
                Token::End => return Err(malformed("it ends inside an element")),
                Token::Open {
                    tag,
                    id,
                    href,
                    empty,
                } if Some(tag.as_str()) == item => {
                    if matches!(field.shape(), Shape::Leaves(_)) {
                        let text = self.text(empty, depth + 1)?;
                        field.set_text(&text)?;
                    } else if let Some(object) = field.object() {
                        set_attributes(object, id, href);
                        if !empty {
                            self.object(object, depth + 1)?;
                        }
                    }
                }
                Token::Open { empty, .. } => self.skip(empty, depth + 1)?,
            }
        }
    }

    /// The text of an element; elements inside are passed over.
    fn text(&mut self, empty: bool, depth: usize) -> Result<String, Error> {
        let mut text = String::new();
        if empty {
            return Ok(text);
        }
        loop {
            match self.next()? {
                Token::Text(part) => text.push_str(&part),
                Token::Close => return Ok(text),
                Token::End => return Err(malformed("it ends inside an element")),
                Token::Open { empty, .. } => self.skip(empty, depth + 1)?,
            }
        }
    }

    /// Passes over an element that is not known.
    fn skip(&mut self, empty: bool, depth: usize) -> Result<(), Error> {
        if empty {
            return Ok(());
        }
        let mut open = 1;
        while open > 0 {
            if depth + open > MAX_DEPTH {
                return Err(Error::TooLarge("levels"));
            }
            match self.next()? {
                Token::Open { empty, .. } => open += usize::from(!empty),
                Token::Close => open -= 1,
                Token::Text(_) => {}
                Token::End => return Err(malformed("it ends inside an element")),
            }
        }
        Ok(())
    }

    /// Nothing but space may follow the root element.
    fn end(&mut self) -> Result<(), Error> {
        loop {
            match self.next()? {
                Token::End => return Ok(()),
                Token::Text(text) if text.trim().is_empty() => {}
                _ => return Err(malformed("something follows the root element")),
            }
        }
    }
}

/// The five entities of XML and numbered characters; there are no others without a DOCTYPE.
fn entity(name: &str) -> Result<char, Error> {
    let unknown = || Error::Malformed(format!("unknown entity '{}'", crate::error::shorten(name)));
    let number = if let Some(hex) = name.strip_prefix("#x") {
        u32::from_str_radix(hex, 16).map_err(|_| unknown())?
    } else if let Some(decimal) = name.strip_prefix('#') {
        decimal.parse().map_err(|_| unknown())?
    } else {
        return match name {
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "amp" => Ok('&'),
            "quot" => Ok('"'),
            "apos" => Ok('\''),
            _ => Err(unknown()),
        };
    };
    char::from_u32(number)
        .filter(|c| allowed(*c))
        .ok_or_else(unknown)
}

/// The characters that an XML 1.0 document may have.
fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn write_object(out: &mut String, tag: &str, object: &dyn Object) {
    out.extend(["<", tag]);
    let head = object.head();
    if let Some(head) = &head {
        for (name, value) in [("href", head.href), ("id", head.id)] {
            if let Some(value) = value {
                out.extend([" ", name, "=\""]);
                escape_attribute(out, value);
                out.push('"');
            }
        }
    }
    out.push('>');
    let inside = out.len();
    let mut links = head.as_ref().map(|head| head.links);
    if let Some(links) = links
        && !links.actions.is_empty()
    {
        out.push_str("<actions>");
        links.actions.iter().for_each(|link| write_link(out, link));
        out.push_str("</actions>");
    }
    for (index, def) in object.def().fields.iter().enumerate() {
        // Links come after the three that every object has.
        if !matches!(def.tag, "name" | "description" | "comment")
            && let Some(links) = links.take()
        {
            write_links(out, links);
        }
        if let Some(field) = object.field(index) {
            write_value(out, def.tag, def.list, &field.get());
        }
    }
    if let Some(links) = links {
        write_links(out, links);
    }
    if out.len() == inside {
        out.pop();
        out.push_str("/>");
    } else {
        out.extend(["</", tag, ">"]);
    }
}

fn write_links(out: &mut String, links: &crate::Links) {
    links.links.iter().for_each(|link| write_link(out, link));
    if let Some(state) = links.creation_status {
        out.extend(["<creation_status>", state.as_str(), "</creation_status>"]);
    }
}

fn write_link(out: &mut String, link: &Link) {
    out.push_str("<link href=\"");
    escape_attribute(out, &link.href);
    out.push_str("\" rel=\"");
    escape_attribute(out, &link.rel);
    out.push_str("\"/>");
}

fn write_value(out: &mut String, tag: &str, list: Option<&str>, value: &Value<'_>) {
    let text: Cow<'_, str> = match value {
        Value::Absent => return,
        Value::Decimal(number) if !number.is_finite() => return,
        Value::Object(object) => return write_object(out, tag, *object),
        Value::List(items) => {
            if items.is_empty() {
                out.extend(["<", tag, "/>"]);
                return;
            }
            out.extend(["<", tag, ">"]);
            for index in 0..items.len() {
                write_value(out, list.unwrap_or(tag), None, &items.at(index));
            }
            out.extend(["</", tag, ">"]);
            return;
        }
        Value::Text(text) => (*text).into(),
        Value::Word(word) => (*word).into(),
        Value::Integer(number) => number.to_string().into(),
        Value::Boolean(value) => if *value { "true" } else { "false" }.into(),
        Value::Decimal(number) => number.to_string().into(),
        Value::Date(date) => date.to_string().into(),
    };
    out.extend(["<", tag, ">"]);
    escape(out, &text);
    out.extend(["</", tag, ">"]);
}

/// In an attribute a reader turns white space into spaces, unless it is given by number.
fn escape_attribute(out: &mut String, text: &str) {
    for part in text.split_inclusive(['\t', '\n']) {
        match part.strip_suffix('\t') {
            Some(part) => {
                escape(out, part);
                out.push_str("&#9;");
            }
            None => match part.strip_suffix('\n') {
                Some(part) => {
                    escape(out, part);
                    out.push_str("&#10;");
                }
                None => escape(out, part),
            },
        }
    }
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            // A reader would turn it into a line feed.
            '\r' => out.push_str("&#13;"),
            // No document may have it, not even by number.
            c if !allowed(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}
