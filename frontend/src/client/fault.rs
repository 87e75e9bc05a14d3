//! What a refused request says, as sentences for a person.

use crate::text::t;
use serde_json::Value;

/// A refusal or a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// HTTP's status; 0 when there was no answer.
    pub status: u16,
    /// What to tell, one sentence each.
    pub sentences: Vec<String>,
    /// Finds it in the log.
    pub correlation: Option<String>,
}

impl Fault {
    /// Reads an oVirt fault (`detail`, `reason`) or our own `{"error": sentence}`.
    #[must_use]
    pub fn read(status: u16, body: &Value, correlation: Option<String>) -> Fault {
        // Actions carry their fault inside.
        let fault = body.get("fault").unwrap_or(body);
        let said = ["detail", "error", "reason"]
            .into_iter()
            .filter_map(|key| fault.get(key).and_then(Value::as_str))
            .find(|text| !text.trim().is_empty());
        let mut sentences = said.map(split).unwrap_or_default();
        if sentences.is_empty() {
            sentences.push(default_sentence(status).to_owned());
        }
        Fault {
            status,
            sentences,
            correlation,
        }
    }

    /// No answer came.
    #[must_use]
    pub fn unreachable() -> Fault {
        Fault {
            status: 0,
            sentences: vec![
                t("The server did not answer. It may be restarting, or the network is away.")
                    .to_owned(),
            ],
            correlation: None,
        }
    }

    /// The browser would not even send it.
    #[must_use]
    pub fn unsendable() -> Fault {
        Fault {
            status: 0,
            sentences: vec![t("The browser could not send the request.").to_owned()],
            correlation: None,
        }
    }

    /// One of our own.
    #[must_use]
    pub fn of(sentence: impl Into<String>) -> Fault {
        Fault {
            status: 0,
            sentences: vec![sentence.into()],
            correlation: None,
        }
    }

    /// All it says.
    #[must_use]
    pub fn text(&self) -> String {
        self.sentences.join(" ")
    }
}

/// The engine puts its messages in brackets, side by side: `[Cannot run VM. VM is running.]`.
fn split(detail: &str) -> Vec<String> {
    let detail = detail.trim();
    let inner = detail
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(detail);
    inner
        .split("][")
        .flat_map(|part| {
            part.split(", Cannot ").enumerate().map(|(place, piece)| {
                if place == 0 {
                    piece.trim().to_owned()
                } else {
                    ["Cannot ", piece.trim()].concat()
                }
            })
        })
        .filter(|sentence| !sentence.is_empty())
        .collect()
}

fn default_sentence(status: u16) -> &'static str {
    t(match status {
        400 => "The request was not understood.",
        401 => "You are not logged in any more.",
        403 => "You are not allowed to do this.",
        404 => "It is not there any more.",
        409 => "Its present state does not allow this.",
        413 => "It is too large.",
        429 => "Too many tries. Wait a little.",
        507 => "There is no space left.",
        _ => "The server failed to do this.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn brackets_of_the_engine_are_taken_off() {
        let fault = Fault::read(
            409,
            &json!({"detail": "[Cannot run VM. VM is running.]", "reason": "Operation Failed"}),
            None,
        );
        assert_eq!(fault.sentences, ["Cannot run VM. VM is running."]);
    }

    #[test]
    fn several_messages_are_several_sentences() {
        let fault = Fault::read(
            409,
            &json!({"detail": "[Cannot add VM. Name is in use., Cannot add VM. No memory.]"}),
            None,
        );
        assert_eq!(
            fault.sentences,
            [
                "Cannot add VM. Name is in use.",
                "Cannot add VM. No memory."
            ]
        );
    }

    #[test]
    fn our_own_errors_and_faults_inside_actions_are_read_too() {
        assert_eq!(
            Fault::read(401, &json!({"error": "Wrong password."}), None).text(),
            "Wrong password."
        );
        assert_eq!(
            Fault::read(
                409,
                &json!({"status": "failed", "fault": {"detail": "[VM is down.]"}}),
                None
            )
            .text(),
            "VM is down."
        );
    }

    #[test]
    fn a_bare_status_has_a_sentence_of_its_own() {
        assert_eq!(
            Fault::read(403, &Value::Null, None).text(),
            "You are not allowed to do this."
        );
        assert_eq!(
            Fault::read(502, &json!({"detail": " "}), None).text(),
            "The server failed to do this."
        );
    }
}
