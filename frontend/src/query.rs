//! The query field's language: chips of `field relation value` and free words,
//! as the search of the API has them. Reads what was typed, says what a
//! completion would be, judges rows it has all facts about, and writes the
//! search that the server is asked when it has not.

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `=`, with `*` for anything.
    Is,
    /// `!=`
    IsNot,
    /// `<`
    Less,
    /// `>`
    More,
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
}

impl Relation {
    const ALL: [(&'static str, Relation); 6] = [
        ("!=", Relation::IsNot),
        ("<=", Relation::AtMost),
        (">=", Relation::AtLeast),
        ("=", Relation::Is),
        ("<", Relation::Less),
        (">", Relation::More),
    ];

    /// As it is written.
    #[must_use]
    pub fn sign(self) -> &'static str {
        Relation::ALL
            .iter()
            .find(|(_, relation)| *relation == self)
            .map_or("=", |(sign, _)| sign)
    }
}

/// One chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Field name, lower case.
    pub field: String,
    /// Comparison.
    pub relation: Relation,
    /// Value without its quotes.
    pub value: String,
}

impl Term {
    /// As the server wants it: values that are not one plain word go in quotes.
    #[must_use]
    pub fn search(&self) -> String {
        let plain = !self.value.is_empty()
            && self
                .value
                .chars()
                .all(|c| c.is_alphanumeric() || "-_.*@:".contains(c));
        if plain {
            [&self.field, " ", self.relation.sign(), " ", &self.value].concat()
        } else {
            [
                &self.field,
                " ",
                self.relation.sign(),
                " \"",
                &self.value.replace('"', ""),
                "\"",
            ]
            .concat()
        }
    }

    /// Whether a fact satisfies it. Numbers are compared as numbers when both are.
    #[must_use]
    pub fn accepts(&self, fact: &str) -> bool {
        let ordering = || match (fact.parse::<f64>(), self.value.parse::<f64>()) {
            (Ok(fact), Ok(value)) => fact.partial_cmp(&value),
            _ => None,
        };
        match self.relation {
            Relation::Is => matches(&self.value, fact),
            Relation::IsNot => !matches(&self.value, fact),
            Relation::Less => ordering().is_some_and(std::cmp::Ordering::is_lt),
            Relation::More => ordering().is_some_and(std::cmp::Ordering::is_gt),
            Relation::AtMost => ordering().is_some_and(std::cmp::Ordering::is_le),
            Relation::AtLeast => ordering().is_some_and(std::cmp::Ordering::is_ge),
        }
    }
}

/// Matches a pattern with `*` for anything, ignoring case.
fn matches(pattern: &str, fact: &str) -> bool {
    let (pattern, fact) = (pattern.to_lowercase(), fact.to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = fact.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Reads `field relation value` if that is what was typed and the field is known.
#[must_use]
pub fn term(typed: &str, fields: &[&str]) -> Option<Term> {
    let (field, relation, value) = split(typed)?;
    let field = field.to_lowercase();
    (!value.is_empty() && fields.contains(&field.as_str())).then(|| Term {
        field,
        relation,
        value: value.trim_matches('"').to_owned(),
    })
}

/// Field, relation and the (perhaps unfinished) value.
fn split(typed: &str) -> Option<(&str, Relation, &str)> {
    let place = typed.find(['=', '<', '>', '!'])?;
    let (sign, relation) = Relation::ALL
        .into_iter()
        .find(|(sign, _)| typed[place..].starts_with(sign))?;
    Some((
        typed[..place].trim(),
        relation,
        typed[place + sign.len()..].trim(),
    ))
}

/// What the field under the caret wants: a field's name or a value for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A field's name, begun so.
    Field(String),
    /// A value of the named field, begun so; the text before it is kept.
    Value {
        /// Field, lower case.
        field: String,
        /// Everything up to the value.
        before: String,
        /// What is there of the value.
        begun: String,
    },
}

/// What a completion at the end of the typed text would complete.
#[must_use]
pub fn wanted(typed: &str) -> Wanted {
    match split(typed) {
        Some((field, _, value)) => Wanted::Value {
            field: field.to_lowercase(),
            before: [
                typed.trim_end()[..typed.trim_end().len() - value.len()].trim_end(),
                " ",
            ]
            .concat(),
            begun: value.trim_start_matches('"').to_owned(),
        },
        None => Wanted::Field(typed.trim().to_owned()),
    }
}

/// The search that the server is asked.
#[must_use]
pub fn search(terms: &[Term]) -> String {
    terms
        .iter()
        .map(Term::search)
        .collect::<Vec<_>>()
        .join(" and ")
}

/// Whether every free word occurs somewhere in the facts.
#[must_use]
pub fn has_words(words: &str, facts: &[&str]) -> bool {
    words.split_whitespace().all(|word| {
        let word = word.to_lowercase();
        facts.iter().any(|fact| fact.to_lowercase().contains(&word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[&str] = &["name", "status", "host", "memory"];

    #[test]
    fn a_finished_term_becomes_a_chip() {
        let chip = term("Host = host-2", FIELDS).unwrap();
        assert_eq!(
            chip,
            Term {
                field: "host".into(),
                relation: Relation::Is,
                value: "host-2".into()
            }
        );
        assert_eq!(chip.search(), "host = host-2");
        assert_eq!(
            term("memory>=2048", FIELDS).unwrap().relation,
            Relation::AtLeast
        );
        assert_eq!(
            term("name != \"two words\"", FIELDS).unwrap().search(),
            "name != \"two words\""
        );
    }

    #[test]
    fn words_unknown_fields_and_unfinished_terms_are_no_chips() {
        for typed in ["billing", "colour = red", "host =", "=", ""] {
            assert_eq!(term(typed, FIELDS), None, "{typed}");
        }
    }

    #[test]
    fn quotes_cannot_escape_from_a_value() {
        let chip = Term {
            field: "name".into(),
            relation: Relation::Is,
            value: "a\" or name = \"*".into(),
        };
        assert_eq!(chip.search(), "name = \"a or name = *\"");
    }

    #[test]
    fn stars_match_anything_anywhere_and_case_does_not_matter() {
        for (pattern, fact, expected) in [
            ("web*", "Web-07", true),
            ("*gw*", "mail-gw-1", true),
            ("mail*1", "mail-gw-1", true),
            ("mail*2", "mail-gw-1", false),
            ("web", "web-07", false),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, fact), expected, "{pattern} on {fact}");
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let more = Term {
            field: "memory".into(),
            relation: Relation::More,
            value: "900".into(),
        };
        assert!(more.accepts("1024"));
        assert!(!more.accepts("512"));
        assert!(!more.accepts("much"));
    }

    #[test]
    fn the_caret_wants_a_field_first_and_then_its_value() {
        assert_eq!(wanted("ho"), Wanted::Field("ho".into()));
        assert_eq!(
            wanted("host = ho"),
            Wanted::Value {
                field: "host".into(),
                before: "host = ".into(),
                begun: "ho".into()
            }
        );
        assert_eq!(
            wanted("status="),
            Wanted::Value {
                field: "status".into(),
                before: "status= ".into(),
                begun: String::new()
            }
        );
    }

    #[test]
    fn every_word_must_occur_somewhere() {
        assert!(has_words("bill h3", &["billing-db", "H3"]));
        assert!(!has_words("bill h4", &["billing-db", "H3"]));
        assert!(has_words("", &[]));
    }
}
