//! Video streams: frames go to where the stream lies.

use super::{Display, note};
use crate::Error;
use crate::channel::Context;
use crate::message::display::StreamData;
use crate::stream;

impl Display {
    pub(super) fn frame(
        &mut self,
        frame: &StreamData<'_>,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        let stream = self.streams.get_mut(frame.id)?;
        let id = stream.create.surface_id;
        let surface = self
            .surfaces
            .get_mut(&id)
            .ok_or(Error::missing("surface", id.into()))?;
        let region = stream::draw(stream, frame, surface)?;
        context.statistics.stream_frames += 1;
        if self.primary == Some(id) {
            note(&mut self.damage, &region, context);
        }
        Ok(())
    }
}
