//! Keeps a list's order while its rows change in place: nothing moves under the
//! pointer. A new question (sort, filter) or a row that comes or goes orders it
//! anew; otherwise the person is offered to.

use crate::store::Id;
use leptos::prelude::*;
use std::collections::HashSet;

/// An order that holds still.
#[derive(Clone, Copy)]
pub struct Order {
    /// The rows as they are shown.
    pub shown: RwSignal<Vec<Id>>,
    /// Whether they would be in another order now.
    pub moved: Memo<bool>,
    fresh: Memo<Vec<Id>>,
}

impl Order {
    /// Follows `fresh`, the rows in the order that `question` asks for.
    #[must_use]
    pub fn follow<Q: PartialEq + Send + Sync + 'static>(
        fresh: Memo<Vec<Id>>,
        question: Memo<Q>,
    ) -> Order {
        let shown = RwSignal::new(fresh.get_untracked());
        let asked = Memo::new(move |count: Option<&u64>| {
            question.track();
            count.map_or(0, |count| count + 1)
        });
        Effect::new(move |before: Option<u64>| {
            let asked = asked.get();
            fresh.with(|fresh| {
                let same_question = before == Some(asked);
                let keep =
                    same_question && shown.with_untracked(|shown| same_members(shown, fresh));
                if !keep {
                    shown.set(fresh.clone());
                }
            });
            asked
        });
        let moved = Memo::new(move |_| fresh.with(|fresh| shown.with(|shown| shown != fresh)));
        Order {
            shown,
            moved,
            fresh,
        }
    }

    /// Orders it anew.
    pub fn again(&self) {
        self.shown.set(self.fresh.get_untracked());
    }
}

fn same_members(a: &[Id], b: &[Id]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let members: HashSet<&Id> = a.iter().collect();
    b.iter().all(|id| members.contains(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_rows_in_another_order_are_the_same_members() {
        let ids = |names: &[&str]| names.iter().map(|name| Id::from(*name)).collect::<Vec<_>>();
        assert!(same_members(&ids(&["a", "b"]), &ids(&["b", "a"])));
        assert!(!same_members(&ids(&["a", "b"]), &ids(&["a", "c"])));
        assert!(!same_members(&ids(&["a"]), &ids(&["a", "b"])));
    }
}
