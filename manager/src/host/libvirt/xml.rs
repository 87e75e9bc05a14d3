//! A small tree of XML elements: built from typed values to be given to libvirt, and read from what
//! libvirt answers. Text is never spliced: names are ours (`&'static str`), values are escaped when
//! the tree is written, and values that XML cannot carry are refused before that.
//!
//! What the elements mean is left to `domain_xml` and `domain_facts`.

use std::borrow::Cow;
use std::fmt::Write as _;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use crate::host::HostError;

/// Deeper documents are refused: libvirt's own are about six levels deep.
const MAX_DEPTH: usize = 64;
/// Larger documents are refused. A domain with 200 disks is about 150 KiB.
const MAX_BYTES: usize = 16 << 20;

/// One element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub name: Cow<'static, str>,
    pub attributes: Vec<(Cow<'static, str>, String)>,
    pub content: Vec<Node>,
}

/// What is inside an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    /// An empty element.
    pub fn new(name: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            attributes: Vec::new(),
            content: Vec::new(),
        }
    }

    /// The same with an attribute more.
    #[must_use]
    pub fn attr(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((Cow::Borrowed(name), value.into()));
        self
    }

    /// The same with a child more.
    #[must_use]
    pub fn child(mut self, child: Element) -> Self {
        self.content.push(Node::Element(child));
        self
    }

    /// The same with these children more.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.content.extend(children.into_iter().map(Node::Element));
        self
    }

    /// The same with text inside.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.content.push(Node::Text(text.into()));
        self
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// Replaces or adds an attribute.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        match self.attributes.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = value,
            None => self.attributes.push((Cow::Borrowed(name), value)),
        }
    }

    /// The child elements.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.content.iter().filter_map(|n| match n {
            Node::Element(e) => Some(e),
            Node::Text(_) => None,
        })
    }

    /// The child elements of one name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements().filter(move |e| e.name == name)
    }

    /// The first child element of a name.
    pub fn find(&self, name: &str) -> Option<&Element> {
        self.elements().find(|e| e.name == name)
    }

    /// The element reached by these names.
    pub fn path(&self, names: &[&str]) -> Option<&Element> {
        names.iter().try_fold(self, |e, name| e.find(name))
    }

    /// Removes the child elements of a name.
    pub fn remove(&mut self, name: &str) {
        self.content
            .retain(|n| !matches!(n, Node::Element(e) if e.name == name));
    }

    /// The text directly inside.
    pub fn own_text(&self) -> String {
        self.content
            .iter()
            .filter_map(|n| match n {
                Node::Text(t) => Some(t.as_str()),
                Node::Element(_) => None,
            })
            .collect()
    }

    /// The document that has this element as its root, indented by two spaces.
    pub fn to_xml(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        let _ = write!(out, "{:indent$}<{}", "", self.name, indent = depth * 2);
        for (name, value) in &self.attributes {
            let _ = write!(out, " {name}='");
            escape(value, out);
            out.push('\'');
        }
        if self.content.is_empty() {
            out.push_str("/>\n");
            return;
        }
        out.push('>');
        // White space next to text would become part of it.
        let indented = self.content.iter().all(|n| matches!(n, Node::Element(_)));
        if indented {
            out.push('\n');
        }
        for node in &self.content {
            match node {
                Node::Text(text) => escape(text, out),
                Node::Element(e) if indented => e.write(out, depth + 1),
                Node::Element(e) => {
                    let mut inner = String::new();
                    e.write(&mut inner, 0);
                    out.push_str(inner.trim_end_matches('\n'));
                }
            }
        }
        if indented {
            let _ = write!(out, "{:indent$}", "", indent = depth * 2);
        }
        let _ = writeln!(out, "</{}>", self.name);
    }

    /// Reads a document. White space between elements is dropped, comments and processing
    /// instructions are too; a document type is refused.
    pub fn parse(document: &str) -> Result<Self, HostError> {
        let bad = |what: String| HostError::Failed {
            what: format!("the host's answer cannot be read: {what}"),
        };
        if document.len() > MAX_BYTES {
            return Err(bad(format!("{} bytes of XML", document.len())));
        }
        let mut reader = quick_xml::Reader::from_str(document);
        let mut open: Vec<Element> = Vec::new();
        loop {
            let event = reader.read_event().map_err(|e| bad(e.to_string()))?;
            let finished = match event {
                Event::Start(start) => {
                    if open.len() >= MAX_DEPTH {
                        return Err(bad("elements are nested too deeply".to_owned()));
                    }
                    open.push(begin(&start).map_err(bad)?);
                    continue;
                }
                Event::Empty(start) => begin(&start).map_err(bad)?,
                Event::End(_) => open
                    .pop()
                    .ok_or_else(|| bad("an end tag too many".to_owned()))?,
                Event::Text(text) => {
                    add_text(&mut open, &text.xml10_content());
                    continue;
                }
                Event::CData(data) => {
                    add_text(&mut open, &data.xml10_content());
                    continue;
                }
                Event::GeneralRef(reference) => {
                    let text = match reference
                        .resolve_char_ref()
                        .map_err(|e| bad(e.to_string()))?
                    {
                        Some(c) => c.to_string(),
                        None => quick_xml::escape::resolve_xml_entity(&reference.xml10_content())
                            .ok_or_else(|| bad("an unknown entity".to_owned()))?
                            .to_owned(),
                    };
                    add_text(&mut open, &text);
                    continue;
                }
                Event::DocType(_) => return Err(bad("it has a document type".to_owned())),
                Event::Eof => return Err(bad("it ends early".to_owned())),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => continue,
            };
            let finished = tidy(finished);
            match open.last_mut() {
                Some(parent) => parent.content.push(Node::Element(finished)),
                None => return Ok(finished),
            }
        }
    }
}

fn begin(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut element = Element {
        name: Cow::Owned(start.name().as_ref().to_owned()),
        attributes: Vec::new(),
        content: Vec::new(),
    };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|e| e.to_string())?;
        element.attributes.push((
            Cow::Owned(attribute.key.as_ref().to_owned()),
            value.into_owned(),
        ));
    }
    Ok(element)
}

fn add_text(open: &mut [Element], text: &str) {
    if let Some(parent) = open.last_mut() {
        match parent.content.last_mut() {
            Some(Node::Text(before)) => before.push_str(text),
            _ => parent.content.push(Node::Text(text.to_owned())),
        }
    }
}

/// Drops the white space between child elements.
fn tidy(mut element: Element) -> Element {
    if element
        .content
        .iter()
        .any(|n| matches!(n, Node::Element(_)))
    {
        element
            .content
            .retain(|n| !matches!(n, Node::Text(t) if t.trim().is_empty()));
    }
    element
}

/// Whether XML 1.0 can carry this character at all, even as a reference.
pub(crate) fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// White space other than a blank is written as a reference, because a parser would turn it into a
/// blank in attributes (XML 1.0, 3.3.3) and a carriage return into a line feed everywhere (2.11).
fn escape(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&apos;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c if is_xml_char(c) => out.push(c),
            _ => out.push('\u{fffd}'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_document_type_is_refused() {
        let document = "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>";
        assert!(Element::parse(document).is_err());
        assert!(Element::parse("<a>&x;</a>").is_err());
    }

    #[test]
    fn a_document_that_ends_early_or_nests_deeply_is_refused() {
        assert!(Element::parse("").is_err());
        assert!(Element::parse("<a><b></b>").is_err());
        assert!(Element::parse(&"<a>".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in any::<String>(), text in any::<String>()) {
            let representable = |s: &str| s.chars().map(|c| if is_xml_char(c) { c } else { '\u{fffd}' }).collect::<String>();
            let mut written = Element::new("a").attr("b", value.clone()).child(Element::new("c").attr("d", text.clone()));
            if !text.is_empty() {
                written = written.child(Element::new("e").text(text.clone()));
            }
            let read = Element::parse(&written.to_xml()).expect("our own document is well-formed");
            let (value, text) = (representable(&value), representable(&text));
            prop_assert_eq!(read.get("b"), Some(value.as_str()));
            prop_assert_eq!(read.find("c").and_then(|c| c.get("d")), Some(text.as_str()));
            prop_assert_eq!(read.find("e").map(Element::own_text).unwrap_or_default(), text);
        }

        #[test]
        fn no_document_makes_the_reader_panic(document in "[<>/a-c='\"&#;x0-9! -]{0,200}") {
            let _ = Element::parse(&document);
        }
    }
}
