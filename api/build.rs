//! Writes the oVirt types, enums and the tree of services as Rust, from `model.json`.
//!
//! What comes out is plain data and one small `impl` per type; how it is read and written is
//! written once, by hand, over `src/table.rs`.
#![allow(missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use serde_json::{Map, Value};

/// Collections whose element type the model tells neither by an `add` nor by the name.
const ELEMENTS: &[(&str, &str)] = &[
    ("GlusterBricks", "GlusterBrick"),
    ("ClusterExternalProviders", "ExternalProvider"),
    ("ExternalComputeResources", "ExternalComputeResource"),
    ("ExternalDiscoveredHosts", "ExternalDiscoveredHost"),
    ("ExternalHostGroups", "ExternalHostGroup"),
    ("ExternalHosts", "ExternalHost"),
    ("HostCpuUnits", "HostCpuUnit"),
    ("HostDevices", "HostDevice"),
    ("HostNics", "HostNic"),
    ("HostNumaNodes", "NumaNode"),
    ("HostStorage", "HostStorage"),
    ("OpenstackImages", "OpenStackImage"),
    ("OpenstackNetworks", "OpenStackNetwork"),
    ("OpenstackVolumeTypes", "OpenStackVolumeType"),
    ("OperatingSystems", "OperatingSystemInfo"),
    ("SystemOptions", "SystemOption"),
    ("TemplateDisks", "Disk"),
];

const KEYWORDS: &[&str] = &[
    "as", "async", "await", "box", "break", "const", "continue", "crate", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "if", "impl", "in", "let", "loop", "macro", "match",
    "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct",
    "super", "trait", "true", "try", "type", "unsafe", "use", "virtual", "where", "while", "yield",
];

fn main() {
    println!("cargo:rerun-if-changed=model.json");
    println!("cargo:rerun-if-changed=build.rs");
    let text = fs::read_to_string("model.json").expect("model.json is beside Cargo.toml");
    let model: Value = serde_json::from_str(&text).expect("model.json is JSON");
    let enums = object(&model["enums"]);
    let types = object(&model["types"]);
    let services = object(&model["services"]);
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let out = Path::new(&out);
    write(&out.join("types.rs"), &write_types(types, enums));
    write(&out.join("services.rs"), &write_services(services, types));
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("the model has an object here")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().expect("the model has a string here")
}

fn list(value: &Value) -> Vec<&str> {
    let values = value.as_array().expect("an enum is a list");
    values
        .iter()
        .map(|value| value.as_str().expect("an enum value is a word"))
        .collect()
}

/// The Rust name of an oVirt type; only `Option` would hide something of the language.
fn type_name(name: &str) -> &str {
    if name == "Option" {
        "GlusterOption"
    } else {
        name
    }
}

fn ident(tag: &str) -> String {
    if KEYWORDS.contains(&tag) {
        format!("{tag}_")
    } else {
        tag.to_string()
    }
}

fn camel(word: &str) -> String {
    word.split('_')
        .map(|part| {
            let mut letters = part.chars();
            letters.next().map_or(String::new(), |first| {
                first.to_ascii_uppercase().to_string() + letters.as_str()
            })
        })
        .collect()
}

fn write_types(types: &Map<String, Value>, enums: &Map<String, Value>) -> String {
    let mut out = String::new();
    for (name, values) in enums {
        let _ = writeln!(out, "wire_enum! {{\n    {name}:");
        for value in values.as_array().expect("an enum is a list") {
            let value = value.as_str().expect("an enum value is a word");
            let _ = writeln!(out, "    {} = {value:?},", camel(value));
        }
        let _ = writeln!(out, "}}");
    }
    let mut all = String::new();
    for (name, def) in types {
        write_type(&mut out, name, def, types, enums);
        let _ = writeln!(all, "    <{} as Typed>::DEF,", type_name(name));
    }
    let _ = writeln!(
        out,
        "/// Every type of the API, in the order of their names.\n\
         pub static ALL: &[&TypeDef] = &[\n{all}];"
    );
    let mut words = String::new();
    for (name, values) in enums {
        let _ = writeln!(words, "    ({name:?}, &{:?}),", list(values));
    }
    let _ = writeln!(
        out,
        "/// Every enum of the API with its words.\n\
         pub static ENUMS: &[(&str, &[&str])] = &[\n{words}];"
    );
    out
}

fn write_type(
    out: &mut String,
    wire: &str,
    def: &Value,
    types: &Map<String, Value>,
    enums: &Map<String, Value>,
) {
    let name = type_name(wire);
    let (tag, tags) = (text(def, "tag"), text(def, "tags"));
    // The root of the API has no id, but links it has.
    let headed = def["id"].as_bool() == Some(true) || wire == "Api";
    let fields = object(&def["fields"]);
    let _ = writeln!(
        out,
        "/// oVirt's `{wire}`: `<{tag}>` in `<{tags}>`.\n\
         #[derive(Clone, Debug, Default, PartialEq)]\npub struct {name} {{"
    );
    if headed {
        out.push_str(
            "    pub id: Option<String>,\n    pub href: Option<String>,\n    pub links: Links,\n",
        );
    }
    // Written in this order: name, description, comment, the rest by name (WIRE 2.3).
    let rank = |tag: &str| match tag {
        "name" => 0,
        "description" => 1,
        "comment" => 2,
        _ => 3,
    };
    let mut order: Vec<&String> = fields.keys().collect();
    order.sort_by_key(|tag| (rank(tag), tag.as_str()));
    let mut statics = String::new();
    let mut get = String::new();
    let mut get_mut = String::new();
    for (index, tag) in order.iter().enumerate() {
        let field = &fields[tag.as_str()];
        let list = field["list"].as_str();
        let rust = rust_type(text(field, "t"), list.is_some(), types, enums);
        let field_name = ident(tag);
        let _ = writeln!(out, "    pub {field_name}: Option<{rust}>,");
        let _ = writeln!(
            statics,
            "            FieldDef {{ tag: {tag:?}, list: {list:?}, rel: {:?}, link: {} }},",
            field["rel"].as_str().map(|rel| segment(wire, rel)),
            field["link"].as_bool() == Some(true)
        );
        let _ = writeln!(get, "            {index} => &self.{field_name},");
        let _ = writeln!(get_mut, "            {index} => &mut self.{field_name},");
    }
    out.push_str("}\n");
    let head = if headed {
        "    fn head(&self) -> Option<Head<'_>> {\n        \
         Some(Head { id: &self.id, href: &self.href, links: &self.links })\n    }\n    \
         fn head_mut(&mut self) -> Option<HeadMut<'_>> {\n        \
         Some(HeadMut { id: &mut self.id, href: &mut self.href, links: &mut self.links })\n    }\n"
    } else {
        ""
    };
    let bodies = |table: &str, borrow: &str| {
        if table.is_empty() {
            "        let _ = index;\n        None\n".to_string()
        } else {
            format!(
                "        Some(match index {{\n{table}            _ => return None,\n        }} as {borrow})\n"
            )
        }
    };
    // A match whose arms have different types needs the cast on the first arm.
    let first_cast = |table: &str, borrow: &str| table.replacen(',', &format!(" as {borrow},"), 1);
    let _ = writeln!(
        out,
        "impl Typed for {name} {{\n    const DEF: &'static TypeDef = &TypeDef {{\n        \
         name: {name:?},\n        tag: {tag:?},\n        tags: {tags:?},\n        \
         id: {},\n        fields: &[\n{statics}        ],\n        \
         new: || Box::new({name}::default()),\n    }};\n}}",
        def["id"].as_bool() == Some(true)
    );
    let _ = writeln!(
        out,
        "impl Object for {name} {{\n    fn def(&self) -> &'static TypeDef {{\n        \
         <{name} as Typed>::DEF\n    }}\n    \
         fn field(&self, index: usize) -> Option<&dyn Field> {{\n{}    }}\n    \
         fn field_mut(&mut self, index: usize) -> Option<&mut dyn Field> {{\n{}    }}\n{head}    \
         fn into_any(self: Box<Self>) -> Box<dyn Any> {{\n        self\n    }}\n    \
         fn as_any(&self) -> &dyn Any {{\n        self\n    }}\n    \
         fn boxed_clone(&self) -> Box<dyn Object> {{\n        Box::new(self.clone())\n    }}\n}}",
        bodies(&first_cast(&get, "&dyn Field"), "&dyn Field"),
        bodies(&first_cast(&get_mut, "&mut dyn Field"), "&mut dyn Field"),
    );
}

/// The path segment under which a sub-collection really is, where the SDK looks for another.
fn segment<'a>(wire: &str, rel: &'a str) -> &'a str {
    match (wire, rel) {
        ("Host", "storages") => "storage",
        ("Host", "agents") => "fenceagents",
        ("GlusterVolume", "bricks") => "glusterbricks",
        ("IscsiBond", "storageconnections") => "storageserverconnections",
        ("SchedulingPolicy", "weight" | "weightss") => "weights",
        _ => rel,
    }
}

fn rust_type(
    wire: &str,
    list: bool,
    types: &Map<String, Value>,
    enums: &Map<String, Value>,
) -> String {
    let item = match wire {
        "string" => "String",
        "boolean" => "bool",
        "integer" => "i64",
        "decimal" => "f64",
        "date" => "Date",
        other => {
            assert!(
                types.contains_key(other) || enums.contains_key(other),
                "the model has no type {other}"
            );
            type_name(other)
        }
    };
    match (types.contains_key(wire), list) {
        (true, true) => format!("List<{item}>"),
        (true, false) => format!("Part<{item}>"),
        (false, true) => format!("Vec<{item}>"),
        (false, false) => item.to_string(),
    }
}

fn write_services(services: &Map<String, Value>, types: &Map<String, Value>) -> String {
    let numbers: BTreeMap<&str, usize> = services
        .keys()
        .enumerate()
        .map(|(i, name)| (name.as_str(), i))
        .collect();
    let elements = elements(services, types);
    let mut out = String::from("pub(crate) static SERVICES: &[ServiceDef] = &[\n");
    for (name, service) in services {
        let methods = object(&service["methods"]);
        let mut actions = BTreeSet::new();
        let mut verbs = BTreeSet::new();
        for method in methods.values() {
            match method["action"].as_str() {
                Some(action) => {
                    actions.insert(action);
                }
                None => {
                    verbs.insert(text(method, "http"));
                }
            }
        }
        // The root reloads configurations by an action that the real engine does not announce.
        if name == "System" {
            actions.clear();
        }
        // `Follow` and its like are mixed into real services and mounted nowhere themselves.
        let mut children: BTreeMap<&str, usize> = BTreeMap::new();
        let mut item = None;
        let mut chain = vec![name.as_str()];
        while let Some(current) = chain.pop() {
            for (segment, child) in object(&services[current]["children"]) {
                let child = numbers[child.as_str().expect("a child is a name")];
                if segment.starts_with('{') {
                    item = item.or(Some(child));
                } else {
                    children.entry(segment).or_insert(child);
                }
            }
            for (_, method) in object(&services[current]["methods"]) {
                if let Some(action) = method["action"].as_str()
                    && name != "System"
                {
                    actions.insert(action);
                }
            }
            if let Some(base) = services[current]["base"].as_str() {
                chain.push(base);
            }
        }
        let element = elements
            .get(name.as_str())
            .map_or("None".to_string(), |element| {
                format!("Some(<types::{} as Typed>::DEF)", type_name(element))
            });
        let _ = writeln!(
            out,
            "    ServiceDef {{ name: {name:?}, element: {element}, item: {item:?}, \
             children: &{:?}, actions: &{:?}, verbs: &{:?} }},",
            children.into_iter().collect::<Vec<_>>(),
            actions.into_iter().collect::<Vec<_>>(),
            verbs.into_iter().collect::<Vec<_>>(),
        );
    }
    let _ = writeln!(
        out,
        "];\npub(crate) const SYSTEM: usize = {};",
        numbers["System"]
    );
    out
}

/// What each collection holds.
fn elements<'a>(
    services: &'a Map<String, Value>,
    types: &'a Map<String, Value>,
) -> BTreeMap<&'a str, &'a str> {
    let mut by_tags: BTreeMap<String, &str> = BTreeMap::new();
    let mut by_rel: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, def) in types {
        by_tags.insert(text(def, "tags").replace('_', ""), name);
        for field in object(&def["fields"]).values() {
            if let Some(rel) = field["rel"].as_str() {
                by_rel.entry(rel).or_default().insert(text(field, "t"));
            }
        }
    }
    let mut found = BTreeMap::new();
    for (name, service) in services {
        let methods = object(&service["methods"]);
        let has_items = object(&service["children"])
            .keys()
            .any(|key| key.starts_with('{'));
        if !has_items && !methods.contains_key("list") {
            continue;
        }
        if let Some((_, element)) = ELEMENTS.iter().find(|(collection, _)| collection == name) {
            found.insert(name.as_str(), *element);
            continue;
        }
        let bodies: BTreeSet<&str> = methods
            .iter()
            .filter(|(method, _)| method.starts_with("add"))
            .filter_map(|(_, method)| method["body"].as_str())
            .collect();
        let segments: BTreeSet<&str> = service["paths"]
            .as_array()
            .expect("paths are a list")
            .iter()
            .filter_map(|path| path.as_str()?.rsplit('/').next())
            .collect();
        let named: BTreeSet<&str> = segments
            .iter()
            .filter_map(|segment| by_tags.get(*segment).copied())
            .collect();
        let linked: BTreeSet<&str> = segments
            .iter()
            .filter_map(|segment| by_rel.get(segment))
            .flatten()
            .copied()
            .collect();
        let only =
            |set: &BTreeSet<&'a str>| (set.len() == 1).then(|| set.first().copied()).flatten();
        let element = only(&bodies)
            .or_else(|| only(&named))
            .or_else(|| only(&linked));
        match element {
            Some(element) => {
                found.insert(name.as_str(), element);
            }
            // Mixed in, mounted nowhere: nobody can ask for its list.
            None if segments.is_empty() => {}
            None => panic!("cannot tell what the collection {name} holds"),
        }
    }
    found
}
