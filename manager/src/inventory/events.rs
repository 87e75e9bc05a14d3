//! The newest part of the audit log, in chunks, so that a snapshot shares all but the last.

use std::sync::Arc;

use crate::model::{Event, EventId};

/// Events of a chunk.
const CHUNK: usize = 256;

/// Events kept in memory; the store keeps as many.
pub(crate) const KEPT: usize = 100_000;

/// The newest events, oldest first.
#[derive(Clone, Debug, Default)]
pub struct EventLog {
    chunks: Arc<Vec<Arc<Vec<Arc<Event>>>>>,
    last: EventId,
    len: usize,
}

impl EventLog {
    /// The event of a number.
    #[must_use]
    pub fn get(&self, id: EventId) -> Option<&Arc<Event>> {
        let (chunk, place) = self.position(id)?;
        self.chunks.get(chunk)?.get(place)
    }

    /// All of them, newest first, also those that were removed (`event.removed`).
    pub fn newest_first(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.chunks
            .iter()
            .rev()
            .flat_map(|chunk| chunk.iter().rev())
    }

    /// The number of the newest.
    #[must_use]
    pub fn last(&self) -> EventId {
        self.last
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn position(&self, id: EventId) -> Option<(usize, usize)> {
        let chunk = self
            .chunks
            .partition_point(|chunk| chunk.first().is_some_and(|first| first.id <= id))
            .checked_sub(1)?;
        let place = self
            .chunks
            .get(chunk)?
            .binary_search_by_key(&id, |event| event.id)
            .ok()?;
        Some((chunk, place))
    }

    /// Adds an event, or puts it in the place of the one with its number.
    pub(crate) fn put(&mut self, event: Arc<Event>) {
        if let Some((chunk, place)) = self.position(event.id) {
            Arc::make_mut(&mut Arc::make_mut(&mut self.chunks)[chunk])[place] = event;
            return;
        }
        if event.id <= self.last {
            return;
        }
        self.last = event.id;
        self.len += 1;
        let chunks = Arc::make_mut(&mut self.chunks);
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => Arc::make_mut(chunk).push(event),
            _ => chunks.push(Arc::new(vec![event])),
        }
        if self.len > KEPT + CHUNK {
            self.len -= chunks.remove(0).len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventDraft;

    fn event(number: i64) -> Arc<Event> {
        Arc::new(EventDraft::new(1, "something").build(EventId(number), Default::default()))
    }

    #[test]
    fn events_are_found_by_number_and_listed_newest_first() {
        let mut log = EventLog::default();
        for number in (1..=3000).filter(|number| number % 7 != 0) {
            log.put(event(number));
        }
        let copy = log.clone();
        let mut removed = (**log.get(EventId(8)).expect("there")).clone();
        removed.removed = true;
        log.put(Arc::new(removed));
        assert!(log.get(EventId(8)).is_some_and(|event| event.removed));
        assert!(copy.get(EventId(8)).is_some_and(|event| !event.removed));
        assert!(log.get(EventId(7)).is_none());
        assert_eq!(
            log.newest_first().next().map(|event| event.id),
            Some(EventId(3000))
        );
        assert!(
            log.newest_first()
                .zip(log.newest_first().skip(1))
                .all(|(a, b)| a.id > b.id)
        );
        assert_eq!(log.len(), copy.len());
    }
}
