//! Whether an object matches a query: how what it holds and is related to (`item`, `related`) is
//! compared with what is asked.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use super::date::Day;
use super::field::{Collection, Kind};
use super::item::Item;
use super::parse::{Query, Relation, Sort, Subject, Term};
use crate::access::Access;
use crate::caller::Caller;
use crate::inventory::Inventory;
use crate::model::{ObjectId, Timestamp};

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(f64),
    Time(Timestamp),
}

impl Value {
    fn rank(&self) -> u8 {
        match self {
            Self::Text(_) => 0,
            Self::Number(_) => 1,
            Self::Time(_) => 2,
        }
    }
}

/// What objects are sorted by: the first value of a field; objects without one come first.
#[derive(Clone, Debug)]
pub(super) struct SortKey(Option<Value>);

impl SortKey {
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (None, None) => Ordering::Equal,
            (None, _) => Ordering::Less,
            (_, None) => Ordering::Greater,
            (Some(Value::Text(a)), Some(Value::Text(b))) => a.to_lowercase().cmp(&b.to_lowercase()),
            (Some(Value::Number(a)), Some(Value::Number(b))) => a.total_cmp(b),
            (Some(Value::Time(a)), Some(Value::Time(b))) => a.cmp(b),
            (Some(a), Some(b)) => a.rank().cmp(&b.rank()),
        }
    }
}

/// The number that a value says; units behind it are passed over.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text
        .find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, '.' | '-' | '+'))
        .unwrap_or(text.len());
    let unit = text[end..].trim();
    let known = [
        "", "%", "b", "k", "kb", "m", "mb", "mib", "g", "gb", "gib", "t", "tb", "mhz",
    ];
    if !known.iter().any(|name| unit.eq_ignore_ascii_case(name)) {
        return None;
    }
    text[..end]
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

/// What a query is asked against.
pub(super) struct Context<'a> {
    access: &'a Access,
    inventory: &'a Inventory,
    caller: &'a Caller,
    case_sensitive: bool,
    now: Timestamp,
    /// For each term about events, by its place: what the matching events are about. The log is
    /// long, so it is gone through once and not once for every object.
    told_of: HashMap<[usize; 3], BTreeSet<ObjectId>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        access: &'a Access,
        caller: &'a Caller,
        query: &Query,
        case_sensitive: bool,
        now: Timestamp,
    ) -> Self {
        let mut context = Self {
            access,
            inventory: access.inventory(),
            caller,
            case_sensitive,
            now,
            told_of: HashMap::new(),
        };
        for (place, term) in places(query) {
            if matches!(
                term.subject,
                Subject::Of(Collection::Event, _) | Subject::Any(Collection::Event)
            ) {
                let told_of = context.told_of(term);
                context.told_of.insert(place, told_of);
            }
        }
        context
    }

    /// Whether an object is one of those that a query asks for.
    pub(super) fn matches(&self, query: &Query, item: Item<'a>) -> bool {
        query.groups.iter().enumerate().all(|(i, any)| {
            any.iter().enumerate().any(|(j, all)| {
                all.iter()
                    .enumerate()
                    .all(|(k, term)| self.term([i, j, k], term, item))
            })
        })
    }

    /// By what an object is sorted.
    pub(super) fn sort_key(&self, sort: &Sort, item: Item<'a>) -> SortKey {
        SortKey(item.values(self.inventory, sort.field).into_iter().next())
    }

    fn term(&self, place: [usize; 3], term: &Term, item: Item<'a>) -> bool {
        match term.subject {
            Subject::Own(field) => self.field(term, item, field),
            Subject::Anything => self.anything(term, item),
            Subject::Of(Collection::Event, _) | Subject::Any(Collection::Event) => {
                let told = self.told_of.get(&place);
                let told =
                    told.is_some_and(|told| item.object().is_some_and(|id| told.contains(&id)));
                told == (term.relation != Relation::NotEqual)
            }
            Subject::Of(target, field) => self.related(item, target, term, |related| {
                self.field(term, related, field)
            }),
            Subject::Any(target) => {
                self.related(item, target, term, |related| self.anything(term, related))
            }
        }
    }

    /// One of the related objects must match; where the query says `!=`, all must differ.
    fn related(
        &self,
        item: Item<'a>,
        target: Collection,
        term: &Term,
        matches: impl Fn(Item<'a>) -> bool,
    ) -> bool {
        let related = item.related(self.inventory, target);
        let mut related = related.into_iter().filter(|related| self.visible(*related));
        if term.relation == Relation::NotEqual {
            related.all(matches)
        } else {
            related.any(matches)
        }
    }

    fn visible(&self, item: Item<'_>) -> bool {
        match item.object() {
            Some(object) => self.access.visible(self.caller, object),
            // Parts of an object that is seen already.
            None => true,
        }
    }

    fn field(&self, term: &Term, item: Item<'a>, field: &'static str) -> bool {
        let values = item.values(self.inventory, field);
        let kind = item.collection().kind(field);
        if term.relation == Relation::NotEqual {
            values
                .iter()
                .all(|value| !self.compare(kind, value, Relation::Equal, &term.value))
        } else {
            values
                .iter()
                .any(|value| self.compare(kind, value, term.relation, &term.value))
        }
    }

    fn anything(&self, term: &Term, item: Item<'a>) -> bool {
        let found = item.texts().into_iter().any(|text| {
            if term.subject == Subject::Anything {
                self.like(text, &format!("*{}*", term.value))
            } else {
                self.like(text, &term.value)
            }
        });
        found == (term.relation != Relation::NotEqual)
    }

    fn compare(&self, kind: Kind, value: &Value, relation: Relation, wanted: &str) -> bool {
        let order = match (kind, value) {
            (Kind::Number, Value::Number(have)) => match number(wanted) {
                Some(wanted) => have.total_cmp(&wanted),
                None => return self.like(&have.to_string(), wanted),
            },
            (Kind::Time, Value::Time(have)) => match Day::parse(wanted) {
                Some(day) => {
                    let (start, end) = day.span(self.now);
                    if have.millis() < start {
                        Ordering::Less
                    } else if have.millis() >= end {
                        Ordering::Greater
                    } else {
                        Ordering::Equal
                    }
                }
                None => return self.like(&have.to_utc().to_string(), wanted),
            },
            (_, Value::Text(have)) => return self.like(have, wanted),
            (_, Value::Number(have)) => return self.like(&have.to_string(), wanted),
            (_, Value::Time(have)) => return self.like(&have.to_utc().to_string(), wanted),
        };
        match relation {
            Relation::Equal => order.is_eq(),
            Relation::NotEqual => order.is_ne(),
            Relation::Less => order.is_lt(),
            Relation::Greater => order.is_gt(),
            Relation::AtMost => order.is_le(),
            Relation::AtLeast => order.is_ge(),
        }
    }

    fn like(&self, text: &str, pattern: &str) -> bool {
        if self.case_sensitive {
            glob(text.as_bytes(), pattern.as_bytes(), |a, b| a == b)
        } else if pattern.is_ascii() {
            // By far the most: nothing needs to be copied for it.
            glob(text.as_bytes(), pattern.as_bytes(), |a, b| {
                a.eq_ignore_ascii_case(&b)
            })
        } else {
            let (text, pattern) = (text.to_lowercase(), pattern.to_lowercase());
            glob(text.as_bytes(), pattern.as_bytes(), |a, b| a == b)
        }
    }

    /// What the events that match a term are about.
    fn told_of(&self, term: &Term) -> BTreeSet<ObjectId> {
        // `!=` is turned around by whoever asks.
        let term = Term {
            relation: match term.relation {
                Relation::NotEqual => Relation::Equal,
                other => other,
            },
            ..term.clone()
        };
        let mut told = BTreeSet::new();
        for event in self.inventory.events.newest_first() {
            let item = Item::Event(event);
            let matches = match term.subject {
                Subject::Of(_, field) => self.field(&term, item, field),
                _ => self.anything(&term, item),
            };
            if matches && !event.removed && self.access.event_visible(self.caller, event) {
                told.extend(event.vm.map(ObjectId::from));
                told.extend(event.host.map(ObjectId::from));
                told.extend(event.user.map(ObjectId::from));
                told.extend(event.template.map(ObjectId::from));
                told.extend(event.cluster.map(ObjectId::from));
                told.extend(event.data_center.map(ObjectId::from));
                told.extend(event.storage_domain.map(ObjectId::from));
                told.extend(event.disk.map(ObjectId::from));
            }
        }
        told
    }
}

fn places(query: &Query) -> impl Iterator<Item = ([usize; 3], &Term)> {
    query.groups.iter().enumerate().flat_map(|(i, any)| {
        any.iter().enumerate().flat_map(move |(j, all)| {
            all.iter()
                .enumerate()
                .map(move |(k, term)| ([i, j, k], term))
        })
    })
}

/// Whether a text is like a pattern in which `*` stands for anything.
fn glob(text: &[u8], pattern: &[u8], same: impl Fn(u8, u8) -> bool) -> bool {
    let (mut t, mut p) = (0, 0);
    // Where to go on after the last star, should what follows it not fit.
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p + 1, t));
                p += 1;
            }
            Some(letter) if same(*letter, text[t]) => {
                p += 1;
                t += 1;
            }
            _ => match back {
                Some((after, from)) => {
                    back = Some((after, from + 1));
                    p = after;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_anywhere() {
        for (text, pattern, like) in [
            ("web1", "web1", true),
            ("web1", "web*", true),
            ("web1", "*1", true),
            ("web1", "*e*1", true),
            ("web1", "*", true),
            ("", "*", true),
            ("", "", true),
            ("web1", "web", false),
            ("web1", "", false),
            ("web1", "w*2", false),
            ("aaab", "*a*a*b", true),
            ("aaa", "a*a*a*a", false),
        ] {
            assert_eq!(
                glob(text.as_bytes(), pattern.as_bytes(), |a, b| a == b),
                like,
                "{text} {pattern}"
            );
        }
    }

    #[test]
    fn numbers_may_have_units() {
        assert_eq!(number("1024"), Some(1024.0));
        assert_eq!(number("1.5GB"), Some(1.5));
        assert_eq!(number("80 %"), Some(80.0));
        for text in ["", "x", "GB", "1 potato", "1.2.3", "--"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
