//! The one catalogue through which every word on a page goes. English is the
//! key and the fallback; a language is one more table. Sentences with values
//! have numbered holes, so that a translation may reorder them.

/// A fixed phrase, in the person's language.
#[must_use]
pub fn t(english: &'static str) -> &'static str {
    english
}

/// A sentence with holes: `{0}`, `{1}` … are replaced by the values.
#[must_use]
pub fn fill(english: &'static str, values: &[&str]) -> String {
    let pattern = t(english);
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let after = &rest[open + 1..];
        let Some(close) = after.find('}') else {
            out.push_str(&rest[open..]);
            return out;
        };
        match after[..close]
            .parse::<usize>()
            .ok()
            .and_then(|index| values.get(index))
        {
            Some(value) => out.push_str(value),
            None => {
                out.push('{');
                out.push_str(&after[..close]);
                out.push('}');
            }
        }
        rest = &after[close + 1..];
    }
    out.push_str(rest);
    out
}

/// Chooses between the phrase for one and the phrase for another number; `{0}` is the number.
#[must_use]
pub fn plural(count: usize, one: &'static str, many: &'static str) -> String {
    fill(
        if count == 1 { one } else { many },
        &[&crate::format::count(count as u64)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_in_any_order_and_text_is_left_alone() {
        assert_eq!(
            fill("{1} of {0}, {1}", &["16 GiB", "12"]),
            "12 of 16 GiB, 12"
        );
        assert_eq!(fill("no holes {x} {9}", &["a"]), "no holes {x} {9}");
        assert_eq!(fill("open {", &[]), "open {");
    }

    #[test]
    fn values_that_look_like_holes_are_not_filled_again() {
        assert_eq!(fill("Delete {0}?", &["{0}"]), "Delete {0}?");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(plural(1, "{0} VM", "{0} VMs"), "1 VM");
        assert_eq!(plural(1284, "{0} VM", "{0} VMs"), "1,284 VMs");
    }
}
