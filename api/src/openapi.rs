//! An OpenAPI 3 description of the API's JSON form, made from the tables of types and services.
//! What is built is the caller's to say; nothing else is described.

use serde_json::{Map, Value, json};

use crate::ROOT;
use crate::service::ServiceDef;
use crate::table::{Shape, TypeDef};
use crate::types;

/// Something that is built: a path below the root, with `{}` where an id stands, and the HTTP
/// methods that it takes. An action is a path of its own with `POST`.
pub type Built<'a> = (&'a str, &'a [&'a str]);

/// Statuses that any request may be refused with.
const REFUSALS: &[&str] = &[
    "400", "401", "403", "404", "405", "409", "413", "415", "429",
];

/// The description.
pub fn document<'a>(version: &str, built: impl IntoIterator<Item = Built<'a>>) -> Value {
    let mut paths = Map::new();
    for (path, methods) in built {
        let Some((template, parameters)) = template(path) else {
            continue;
        };
        let Some(place) = Place::at(path) else {
            continue;
        };
        let mut item = Map::new();
        if !parameters.is_empty() {
            item.insert("parameters".to_owned(), json!(parameters));
        }
        for method in methods {
            item.insert(method.to_ascii_lowercase(), place.operation(path, method));
        }
        paths.insert(template, Value::Object(item));
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Saffron",
            "version": version,
            "description": "oVirt's API, version 4, in JSON. Integers and booleans are strings, dates are milliseconds.",
        },
        "servers": [{ "url": ROOT }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas(),
        },
    })
}

/// `/vms/{id1}/nics/{id2}` and what its parameters are.
fn template(path: &str) -> Option<(String, Vec<Value>)> {
    let mut template = String::new();
    let mut parameters = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        template.push('/');
        if segment == "{}" {
            let name = format!("id{}", parameters.len() + 1);
            template.push_str(&format!("{{{name}}}"));
            parameters.push(json!({
                "name": name, "in": "path", "required": true, "schema": { "type": "string" },
            }));
        } else {
            template.push_str(segment);
        }
    }
    Some((
        if template.is_empty() {
            "/".to_owned()
        } else {
            template
        },
        parameters,
    ))
}

/// What is at a path.
enum Place {
    Root,
    Collection(&'static TypeDef),
    Item(&'static TypeDef),
    Action,
}

impl Place {
    fn at(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
        let [above @ .., last] = segments.as_slice() else {
            return Some(Self::Root);
        };
        let parent = ServiceDef::at(above.iter().copied())?;
        if *last != "{}" && parent.actions.contains(last) {
            return Some(Self::Action);
        }
        let service = parent.under(last)?;
        match (service.element, parent.element) {
            (Some(def), _) if *last != "{}" => Some(Self::Collection(def)),
            (_, Some(def)) => Some(Self::Item(def)),
            _ => None,
        }
    }

    fn operation(&self, path: &str, method: &str) -> Value {
        let mut responses = Map::new();
        let mut answer = |status: &str, schema: Option<Value>| {
            let mut response = Map::new();
            response.insert("description".to_owned(), json!("Done."));
            if let Some(schema) = schema {
                response.insert(
                    "content".to_owned(),
                    json!({ "application/json": { "schema": schema } }),
                );
            }
            responses.insert(status.to_owned(), Value::Object(response));
        };
        let reference =
            |def: &TypeDef| json!({ "$ref": format!("#/components/schemas/{}", def.name) });
        let sent =
            |def: &TypeDef| json!({ "$ref": format!("#/components/schemas/{}.sent", def.name) });
        let body = match (self, method) {
            (Self::Root, _) => {
                answer("200", Some(json!({ "$ref": "#/components/schemas/Api" })));
                None
            }
            (Self::Collection(def), "GET") => {
                answer(
                    "200",
                    Some(json!({
                        "type": "object",
                        "properties": { def.tag: { "type": "array", "items": reference(def) } },
                        "additionalProperties": false,
                    })),
                );
                None
            }
            (Self::Collection(def), _) => {
                answer("201", Some(reference(def)));
                answer("202", Some(reference(def)));
                Some(sent(def))
            }
            (Self::Item(_), "DELETE") => {
                answer("200", None);
                None
            }
            (Self::Item(def), "GET") => {
                answer("200", Some(reference(def)));
                None
            }
            (Self::Item(def), _) => {
                answer("200", Some(reference(def)));
                Some(sent(def))
            }
            (Self::Action, _) => {
                let action = json!({ "$ref": "#/components/schemas/Action" });
                answer("200", Some(action.clone()));
                answer("202", Some(action));
                Some(json!({ "$ref": "#/components/schemas/Action.sent" }))
            }
        };
        for status in REFUSALS {
            // The body of 401 is a page, and a missing path may have none.
            responses.insert((*status).to_owned(), json!({ "description": "Refused." }));
        }
        let mut operation = Map::new();
        operation.insert(
            "operationId".to_owned(),
            json!(format!("{} {path}", method.to_ascii_lowercase())),
        );
        operation.insert("responses".to_owned(), Value::Object(responses));
        if let Some(schema) = body {
            let content = json!({ "application/json": { "schema": schema } });
            operation.insert(
                "requestBody".to_owned(),
                json!({ "required": true, "content": content }),
            );
        }
        if method == "GET" {
            let text =
                |name: &str| json!({ "name": name, "in": "query", "schema": { "type": "string" } });
            let mut parameters = vec![text("follow")];
            if matches!(self, Self::Collection(_)) {
                parameters.push(text("search"));
                parameters.push(json!({
                    "name": "max", "in": "query", "schema": { "type": "integer" },
                }));
            }
            operation.insert("parameters".to_owned(), json!(parameters));
        }
        Value::Object(operation)
    }
}

/// The schema of every type.
fn schemas() -> Value {
    let mut schemas = Map::new();
    for def in types::ALL {
        schemas.insert(def.name.to_owned(), schema(def, Depth::All));
        schemas.insert(format!("{}.sent", def.name), schema(def, Depth::Two));
        schemas.insert(format!("{}.values", def.name), schema(def, Depth::One));
    }
    schemas.insert(
        "Link".to_owned(),
        json!({
            "type": "object",
            "properties": { "href": { "type": "string" }, "rel": { "type": "string" } },
        }),
    );
    Value::Object(schemas)
}

/// How much of what is in a type is described. The types contain one another in rings; what is
/// sent is described two levels deep, so that tools which make documents up come to an end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    All,
    Two,
    One,
}

fn schema(def: &TypeDef, depth: Depth) -> Value {
    let object = (def.new)();
    let mut properties = Map::new();
    if object.head().is_some() && depth != Depth::All {
        properties.insert("id".to_owned(), json!({ "type": "string" }));
    } else if object.head().is_some() {
        let links = json!({ "type": "array", "items": { "$ref": "#/components/schemas/Link" } });
        properties.insert("id".to_owned(), json!({ "type": "string" }));
        properties.insert("href".to_owned(), json!({ "type": "string" }));
        properties.insert("link".to_owned(), links.clone());
        properties.insert(
            "actions".to_owned(),
            json!({ "type": "object", "properties": { "link": links } }),
        );
        properties.insert("creation_status".to_owned(), json!({ "type": "string" }));
    }
    for (index, field) in def.fields.iter().enumerate() {
        let Some(shape) = object.field(index).map(|field| field.shape()) else {
            continue;
        };
        let suffix = if depth == Depth::Two { ".values" } else { "" };
        let of =
            |def: &TypeDef| json!({ "$ref": format!("#/components/schemas/{}{suffix}", def.name) });
        let inner = matches!(shape, Shape::Object(_) | Shape::Objects(_));
        if depth == Depth::One && inner {
            continue;
        }
        let listed = |items: Value| match field.list {
            Some(tag) => json!({
                "type": "object",
                "properties": { tag: { "type": "array", "items": items } },
            }),
            None => json!({ "type": "array", "items": items }),
        };
        let schema = match shape {
            Shape::Leaf(kind) => leaf(kind),
            Shape::Object(def) => of(def),
            Shape::Leaves(kind) => listed(leaf(kind)),
            Shape::Objects(def) => listed(of(def)),
        };
        properties.insert(field.tag.to_owned(), schema);
    }
    json!({ "type": "object", "properties": properties })
}

fn leaf(kind: &str) -> Value {
    match kind {
        "integer" => json!({ "type": "string", "pattern": "^-?[0-9]{1,18}$" }),
        "boolean" => json!({ "type": "string", "enum": ["true", "false"] }),
        "decimal" => json!({ "type": "number" }),
        "date" => json!({ "type": "integer", "format": "int64" }),
        word => match types::ENUMS.iter().find(|(name, _)| *name == word) {
            Some((_, words)) => json!({ "type": "string", "enum": words }),
            None => json!({ "type": "string" }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_described_with_its_types_and_nothing_else() {
        let built: [Built<'_>; 4] = [
            ("", &["GET"]),
            ("vms", &["GET", "POST"]),
            ("vms/{}/start", &["POST"]),
            ("vms/{}/nics/{}", &["GET", "PUT", "DELETE"]),
        ];
        let document = document("1", built);
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 4);
        let list = &paths["/vms"]["get"]["responses"]["200"]["content"]["application/json"];
        let item = &list["schema"]["properties"]["vm"]["items"]["$ref"];
        assert_eq!(item, "#/components/schemas/Vm");
        let nic = &paths["/vms/{id1}/nics/{id2}"];
        assert_eq!(nic["parameters"].as_array().unwrap().len(), 2);
        let sent = &nic["put"]["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        assert_eq!(sent, "#/components/schemas/Nic.sent");
        let vm = &document["components"]["schemas"]["Vm"]["properties"];
        assert_eq!(vm["memory"]["type"], "string");
        assert_eq!(vm["stateless"]["enum"], json!(["true", "false"]));
        assert!(
            vm["status"]["enum"]
                .as_array()
                .unwrap()
                .contains(&json!("up"))
        );
        assert_eq!(vm["nics"]["properties"]["nic"]["type"], "array");
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        let document = document("1", []);
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let text = document.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name: String = part
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '.')
                .collect();
            assert!(schemas.contains_key(&name), "{name}");
        }
    }
}
