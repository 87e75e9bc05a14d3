//! Every type of the model, filled as full as it goes, survives XML and JSON.

use std::sync::OnceLock;

use api::table::{Field, Shape, TypeDef};
use api::{Link, Object, types};

/// Fills every field, with objects inside to this depth.
fn fill(object: &mut dyn Object, depth: usize, seed: &mut u32) {
    let def = object.def();
    if let Some(head) = object.head_mut() {
        if def.id {
            *head.id = Some(next_word(seed));
        }
        *head.href = Some(format!("/ovirt-engine/api/{}?a=<&\">'", def.tags));
        head.links.links = vec![Link {
            href: "/a&b".into(),
            rel: "x/search".into(),
        }];
        head.links.actions = vec![Link {
            href: "/c".into(),
            rel: "start".into(),
        }];
    }
    for index in 0..def.fields.len() {
        let field = object
            .field_mut(index)
            .expect("the table and the type agree");
        fill_field(field, depth, seed);
    }
}

fn fill_field(field: &mut dyn Field, depth: usize, seed: &mut u32) {
    match field.shape() {
        Shape::Leaf(name) => set(field, name, seed),
        Shape::Leaves(name) => {
            field.open();
            (0..*seed % 3).for_each(|_| set(field, name, seed));
        }
        Shape::Object(_) if depth > 0 => fill(field.object().unwrap(), depth - 1, seed),
        Shape::Objects(_) if depth > 0 => {
            field.open();
            for _ in 0..*seed % 3 {
                fill(field.object().unwrap(), depth - 1, seed);
            }
        }
        Shape::Object(_) | Shape::Objects(_) => {}
    }
}

fn next_word(seed: &mut u32) -> String {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % 0x7fff_ffff;
    format!(
        " w<{seed}>&\"'é\u{1F600}\t{}\r\n]]> ",
        ["", "  x"][(*seed % 2) as usize]
    )
}

fn set(field: &mut dyn Field, name: &str, seed: &mut u32) {
    let word = next_word(seed);
    let text = match name {
        "string" => word,
        "boolean" => ["true", "false"][(*seed % 2) as usize].to_string(),
        "integer" => (i64::from(*seed) << (*seed % 30)).to_string(),
        "decimal" => (f64::from(*seed) / 64.0).to_string(),
        "date" => (i64::from(*seed) * 997).to_string(),
        // An enum: the words are not in the table, so one is found through its refusal.
        other => enum_word(other, *seed).to_string(),
    };
    field
        .set_text(&text)
        .unwrap_or_else(|e| panic!("{name} takes '{text}': {e}"));
}

fn model() -> &'static serde_json::Value {
    static MODEL: OnceLock<serde_json::Value> = OnceLock::new();
    MODEL.get_or_init(|| serde_json::from_str(include_str!("../../model.json")).unwrap())
}

fn enum_word(name: &str, seed: u32) -> String {
    let words = model()["enums"][name].as_array().unwrap();
    words[seed as usize % words.len()]
        .as_str()
        .unwrap()
        .to_string()
}

/// Compares without pouring both onto the screen.
fn same(left: &dyn Object, right: &dyn Object) {
    let (left, right) = (format!("{left:?}"), format!("{right:?}"));
    if left != right {
        let at = left
            .bytes()
            .zip(right.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        let part = |text: &str| {
            String::from_utf8_lossy(
                &text.as_bytes()[at.saturating_sub(60)..(at + 60).min(text.len())],
            )
            .into_owned()
        };
        panic!("differ:\n  {}\n  {}", part(&left), part(&right));
    }
}

fn full(def: &'static TypeDef, depth: usize) -> Box<dyn Object> {
    let mut object = (def.new)();
    fill(object.as_mut(), depth, &mut 7);
    object
}

#[test]
fn the_model_is_all_there() {
    assert_eq!(
        types::ALL.len(),
        model()["types"].as_object().unwrap().len()
    );
    let fields: usize = types::ALL.iter().map(|def| def.fields.len()).sum();
    assert_eq!(fields, 2029);
}

#[test]
fn every_type_survives_xml() {
    for def in types::ALL {
        let object = full(def, 1);
        let xml = api::xml::to_string(object.as_ref());
        let mut back = (def.new)();
        api::xml::read(xml.as_bytes(), back.as_mut()).unwrap_or_else(|e| panic!("{xml}: {e}"));
        same(object.as_ref(), back.as_ref());
        assert_eq!(xml, api::xml::to_string(back.as_ref()));
    }
}

#[test]
fn every_type_survives_json() {
    for def in types::ALL {
        let object = full(def, 1);
        let json = api::json::to_string(object.as_ref());
        let mut back = (def.new)();
        api::json::read(json.as_bytes(), back.as_mut()).unwrap_or_else(|e| panic!("{json}: {e}"));
        // An empty list of values and one that is there look different, and both come back.
        same(object.as_ref(), back.as_ref());
    }
}

#[test]
fn deep_objects_survive_both() {
    for tag in ["vm", "action", "host", "template"] {
        let def = types::ALL.iter().find(|def| def.tag == tag).unwrap();
        let mut object = (def.new)();
        // Two of each list would be too many elements at this depth.
        fill(object.as_mut(), 2, &mut 1);
        let xml = api::xml::to_string(object.as_ref());
        let mut back = (def.new)();
        match api::xml::read(xml.as_bytes(), back.as_mut()) {
            Ok(()) => same(object.as_ref(), back.as_ref()),
            Err(error) => assert!(matches!(error, api::Error::TooLarge(_)), "{error}"),
        }
    }
}

#[test]
fn empty_objects_are_empty_elements() {
    for def in types::ALL {
        let object = (def.new)();
        assert_eq!(
            api::xml::to_string(object.as_ref()),
            format!("<{}/>", def.tag)
        );
        assert_eq!(api::json::to_string(object.as_ref()), "{}");
    }
}

#[test]
fn collections_have_the_tags_of_the_model() {
    let def = types::ALL
        .iter()
        .find(|def| def.name == "OperatingSystemInfo")
        .unwrap();
    let some = |count: usize| (0..count).map(|_| (def.new)());
    let xml = |count| api::xml::list_pieces(def, some(count)).collect::<String>();
    let json = |count| api::json::list_pieces(def, some(count)).collect::<String>();
    assert_eq!(xml(0), "<operation_systems/>");
    assert_eq!(json(0), "{}");
    assert_eq!(
        xml(2),
        "<operation_systems><operating_system/><operating_system/></operation_systems>"
    );
    assert_eq!(json(1), r#"{"operating_system":[{}]}"#);
    assert_eq!(json(2), r#"{"operating_system":[{},{}]}"#);
}

#[test]
fn a_value_may_go_to_another_thread() {
    fn sendable<T: Send + Sync + 'static>(_: &T) {}
    sendable(&types::Vm::default());
    sendable(&types::Action::default());
}
