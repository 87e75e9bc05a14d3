//! The tree of services under the API's root: what may be under a path, and what an object
//! there can do. Generated from `model.json`; it gives objects their links and actions, and an
//! empty list of the right tag to collections that are not built yet.

use crate::table::{TypeDef, Typed};
use crate::{Link, Object, ROOT, types};

/// One service: a collection or an item.
pub struct ServiceDef {
    /// The service's name in the model.
    pub name: &'static str,
    /// What the collection holds.
    pub element: Option<&'static TypeDef>,
    item: Option<usize>,
    children: &'static [(&'static str, usize)],
    /// The last segments of its actions.
    pub actions: &'static [&'static str],
    /// The HTTP methods that it has besides its actions.
    pub verbs: &'static [&'static str],
}

impl std::fmt::Debug for ServiceDef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServiceDef({})", self.name)
    }
}

include!(concat!(env!("OUT_DIR"), "/services.rs"));

impl ServiceDef {
    /// The service of the API's root.
    pub fn root() -> &'static ServiceDef {
        &SERVICES[SYSTEM]
    }

    /// What is under this segment: a child by its name, an item by anything else.
    pub fn under(&self, segment: &str) -> Option<&'static ServiceDef> {
        let named = self
            .children
            .iter()
            .find(|(name, _)| *name == segment)
            .map(|(_, i)| *i);
        named.or(self.item).and_then(|index| SERVICES.get(index))
    }

    /// The segments of its sub-collections.
    pub fn children(&self) -> impl Iterator<Item = &'static str> {
        self.children.iter().map(|(name, _)| *name)
    }

    /// The service at a path below the root.
    pub fn at<'a>(segments: impl IntoIterator<Item = &'a str>) -> Option<&'static ServiceDef> {
        segments
            .into_iter()
            .try_fold(Self::root(), |service, segment| service.under(segment))
    }

    /// The service at an absolute path, as hrefs are.
    pub fn at_href(href: &str) -> Option<&'static ServiceDef> {
        let path = href.strip_prefix(ROOT)?;
        Self::at(path.split('/').filter(|segment| !segment.is_empty()))
    }

    /// Whether it is a collection.
    pub fn is_collection(&self) -> bool {
        self.element.is_some()
    }
}

/// Gives an object with an `href` its links and actions, as the real engine does: a link for
/// each sub-collection that is not inline, and every action of the type whatever the state.
pub fn decorate(object: &mut dyn Object) {
    let Some(href) = object.head().and_then(|head| head.href.clone()) else {
        return;
    };
    let Some(service) = ServiceDef::at_href(&href) else {
        return;
    };
    let link = |rel: &&'static str| Link {
        href: format!("{href}/{rel}"),
        rel: rel.to_string(),
    };
    let def = object.def();
    let inline = |rel: &str| {
        def.fields.iter().enumerate().any(|(index, field)| {
            field.rel == Some(rel)
                && object
                    .field(index)
                    .is_some_and(|field| !matches!(field.get(), crate::table::Value::Absent))
        })
    };
    let links = service
        .children
        .iter()
        .map(|(name, _)| name)
        .filter(|rel| !inline(rel));
    let links = links.map(link).collect();
    let actions = service.actions.iter().map(link).collect();
    if let Some(head) = object.head_mut() {
        head.links.links = links;
        head.links.actions = actions;
    }
}
