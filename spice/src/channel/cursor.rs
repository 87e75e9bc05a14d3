//! The cursor channel: the pointer's shape and place, and the cache of shapes.

use std::collections::HashMap;
use std::sync::Arc;

use super::Context;
use crate::Error;
use crate::cursor::CursorShape;
use crate::event::{CursorEvent, Event};
use crate::link::Capabilities;
use crate::message::cursor::{self, CursorSet, Position};
use crate::wire::Reader;

/// The most shapes kept; servers count on 256.
const MAX_SHAPES: usize = 1024;
/// The most bytes of shapes kept.
const MAX_SHAPE_BYTES: usize = 64 << 20;

/// State of the cursor channel.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    shapes: HashMap<u64, Arc<CursorShape>>,
    bytes: usize,
}

/// What we can do on this channel.
pub(crate) fn capabilities() -> Capabilities {
    Capabilities::default()
}

impl Cursor {
    pub(crate) fn message(
        &mut self,
        kind: u16,
        body: &[u8],
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        let reader = &mut Reader::new(body);
        let mut tell = |event| context.events.push(Event::Cursor(event));
        match kind {
            cursor::INIT | cursor::SET => {
                let set = if kind == cursor::INIT {
                    CursorSet::read_init(reader)?
                } else {
                    CursorSet::read_set(reader)?
                };
                // Decoded even when hidden: it may be to be kept.
                let shape = self.shape(&set);
                tell(CursorEvent::Moved {
                    x: set.position.x,
                    y: set.position.y,
                });
                match shape? {
                    Some(shape) if set.visible => tell(CursorEvent::Shape(shape)),
                    _ => tell(CursorEvent::Hidden),
                }
            }
            cursor::MOVE => {
                let Position { x, y } = Position::read(reader)?;
                tell(CursorEvent::Moved { x, y });
            }
            cursor::HIDE | cursor::RESET => tell(CursorEvent::Hidden),
            cursor::TRAIL => {}
            cursor::INVAL_ONE => {
                let id = reader.u64("cursor to forget")?;
                if let Some(shape) = self.shapes.remove(&id) {
                    self.bytes -= shape.bytes();
                }
            }
            cursor::INVAL_ALL => {
                self.shapes.clear();
                self.bytes = 0;
            }
            other => return Err(Error::unsupported("cursor message", other.into())),
        }
        Ok(())
    }

    fn shape(&mut self, set: &CursorSet<'_>) -> Result<Option<Arc<CursorShape>>, Error> {
        let Some(header) = &set.cursor.header else {
            return Ok(None);
        };
        if set.cursor.from_cache {
            let shape = self.shapes.get(&header.unique);
            let missing = Error::missing("cached cursor", header.unique);
            return shape.cloned().map(Some).ok_or(missing);
        }
        let shape = Arc::new(CursorShape::decode(header, set.cursor.data)?);
        if set.cursor.cache_me {
            self.keep(header.unique, &shape);
        }
        Ok(Some(shape))
    }

    /// Keeps a shape while there is room; servers forget the old ones themselves.
    fn keep(&mut self, id: u64, shape: &Arc<CursorShape>) {
        if let Some(old) = self.shapes.remove(&id) {
            self.bytes -= old.bytes();
        }
        let bytes = self.bytes + shape.bytes();
        if self.shapes.len() < MAX_SHAPES && bytes <= MAX_SHAPE_BYTES {
            self.shapes.insert(id, Arc::clone(shape));
            self.bytes = bytes;
        }
    }
}
