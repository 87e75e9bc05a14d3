//! Reading the API's JSON: integers and booleans may be strings or not, lists
//! are wrapped in their element's name, and anything may be missing. Leaves
//! the meaning of what it reads to `store`.

use crate::store::Id;
use serde_json::Value;

/// The value below `path`, or null.
pub fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    let mut here = value;
    for key in path {
        match here.get(key) {
            Some(next) => here = next,
            None => return &Value::Null,
        }
    }
    here
}

/// A string; numbers are taken as their digits, anything else is empty.
pub fn text(value: &Value, path: &[&str]) -> String {
    match at(value, path) {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => if *flag { "true" } else { "false" }.to_owned(),
        _ => String::new(),
    }
}

/// A string that may be missing.
pub fn some_text(value: &Value, path: &[&str]) -> Option<String> {
    Some(text(value, path)).filter(|text| !text.is_empty())
}

/// A whole number, written as one or as a string.
pub fn whole(value: &Value, path: &[&str]) -> Option<u64> {
    match at(value, path) {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number
            .as_u64()
            .or_else(|| number.as_f64().map(|float| float.max(0.0) as u64)),
        _ => None,
    }
}

/// A number with a fraction.
pub fn real(value: &Value, path: &[&str]) -> Option<f64> {
    match at(value, path) {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_f64(),
        _ => None,
    }
}

/// A boolean, written as one or as a string.
pub fn flag(value: &Value, path: &[&str]) -> Option<bool> {
    match at(value, path) {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => match text.as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The id of the object itself or of a reference below `path`.
pub fn id(value: &Value, path: &[&str]) -> Option<Id> {
    at(value, path)
        .get("id")
        .and_then(Value::as_str)
        .map(Id::from)
}

/// The elements of a wrapped list: `{"nics":{"nic":[…]}}` or `{"nics":[…]}`.
pub fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    match at(value, path) {
        Value::Array(items) => items,
        Value::Object(map) => map
            .values()
            .find_map(Value::as_array)
            .map_or(&[], Vec::as_slice),
        _ => &[],
    }
}

/// Milliseconds since 1970, from a number or a numeric string.
pub fn moment(value: &Value, path: &[&str]) -> Option<f64> {
    real(value, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_booleans_are_read_whether_quoted_or_not() {
        let vm = json!({"memory": "1073741824", "cpu": {"topology": {"cores": 2}}, "stateless": "false", "run_once": true});
        assert_eq!(whole(&vm, &["memory"]), Some(1 << 30));
        assert_eq!(whole(&vm, &["cpu", "topology", "cores"]), Some(2));
        assert_eq!(flag(&vm, &["stateless"]), Some(false));
        assert_eq!(flag(&vm, &["run_once"]), Some(true));
        assert_eq!(flag(&vm, &["missing"]), None);
    }

    #[test]
    fn wrapped_and_bare_lists_are_read_alike() {
        let wrapped = json!({"nics": {"nic": [{"id": "a"}]}});
        let bare = json!({"nics": [{"id": "a"}]});
        assert_eq!(list(&wrapped, &["nics"]).len(), 1);
        assert_eq!(list(&bare, &["nics"]).len(), 1);
        assert!(list(&json!({"nics": {}}), &["nics"]).is_empty());
    }
}
