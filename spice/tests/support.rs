//! A SPICE server of words: says what it is told to, and reads what the session answers.

use spice::link::Capabilities;
use spice::message::display;
use spice::wire::Writer;
use spice::{ChannelRef, Config, Event, Problem, Rect, Session};

/// A session and the server's end of its channels.
pub struct Console {
    pub session: Session,
    mini: bool,
    serial: u64,
}

/// A message's body, written in order.
#[derive(Default)]
pub struct Body(pub Vec<u8>);

impl Body {
    pub fn new(write: impl FnOnce(&mut Writer<'_>)) -> Self {
        Self::default().and(write)
    }

    pub fn and(mut self, write: impl FnOnce(&mut Writer<'_>)) -> Self {
        write(&mut Writer::new(&mut self.0));
        self
    }
}

impl Console {
    /// Nothing is connected, and the first event is still to be asked for.
    pub fn new() -> Self {
        Self {
            session: Session::new(Config::default()),
            mini: true,
            serial: 0,
        }
    }

    /// These channels are connected with mini-headers, and what they said first is forgotten.
    pub fn with(channels: &[ChannelRef]) -> Self {
        Self::with_headers(channels, true)
    }

    pub fn with_headers(channels: &[ChannelRef], mini: bool) -> Self {
        let mut console = Self {
            mini,
            ..Self::new()
        };
        for channel in channels {
            console.open(*channel);
            console.sent(*channel);
        }
        console.events();
        console
    }

    pub fn open(&mut self, channel: ChannelRef) {
        let bits: &[u32] = if self.mini {
            &[Capabilities::MINI_HEADER]
        } else {
            &[]
        };
        self.session.opened(
            channel,
            &Capabilities::of(bits),
            &Capabilities::default(),
            0,
        );
    }

    /// A display with a black screen.
    pub fn with_screen(width: u32, height: u32) -> Self {
        let mut console = Self::with(&[ChannelRef::DISPLAY]);
        console.create_surface(0, width, height, 32, true);
        console.events();
        console.damage();
        console
    }

    pub fn say(&mut self, channel: ChannelRef, kind: u16, body: Body) {
        let bytes = self.message(kind, &body.0, 0);
        self.session.receive(channel, 0, &bytes);
    }

    /// A message as its bytes on the line.
    pub fn message(&mut self, kind: u16, body: &[u8], sub_list: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        self.serial += 1;
        if self.mini {
            writer.u16(kind).u32(body.len() as u32);
        } else {
            writer
                .u64(self.serial)
                .u16(kind)
                .u32(body.len() as u32)
                .u32(sub_list);
        }
        writer.bytes(body);
        bytes
    }

    pub fn draw(&mut self, kind: u16, body: Body) {
        self.say(ChannelRef::DISPLAY, kind, body);
    }

    pub fn create_surface(&mut self, id: u32, width: u32, height: u32, format: u32, primary: bool) {
        let body = Body::new(|body| {
            body.u32(id)
                .u32(width)
                .u32(height)
                .u32(format)
                .u32(primary.into());
        });
        self.draw(display::SURFACE_CREATE, body);
    }

    /// What the session sent on a channel: number and body of each message.
    pub fn sent(&mut self, channel: ChannelRef) -> Vec<(u16, Vec<u8>)> {
        let mut bytes = Vec::new();
        self.session.poll_transmit(channel, &mut bytes);
        let mut rest = bytes.as_slice();
        let mut messages = Vec::new();
        while !rest.is_empty() {
            let kind_at = if self.mini { 0 } else { 8 };
            let body_at = if self.mini { 6 } else { 18 };
            let kind = u16::from_le_bytes([rest[kind_at], rest[kind_at + 1]]);
            let size = &rest[kind_at + 2..kind_at + 6];
            let size = u32::from_le_bytes(size.try_into().expect("four bytes")) as usize;
            messages.push((kind, rest[body_at..body_at + size].to_vec()));
            rest = &rest[body_at + size..];
        }
        messages
    }

    pub fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    /// The problems among the events that wait.
    pub fn problems(&mut self) -> Vec<Problem> {
        let problem = |event| match event {
            Event::Problem(problem) => Some(problem),
            _ => None,
        };
        self.events().into_iter().filter_map(problem).collect()
    }

    pub fn damage(&mut self) -> Vec<Rect> {
        let mut damage = Vec::new();
        self.session.take_damage(&mut damage);
        damage
    }

    /// A row of the screen, as 0xRRGGBB.
    pub fn row(&self, y: u32) -> Vec<u32> {
        self.surface_row(0, y)
            .into_iter()
            .map(|pixel| pixel & 0xff_ffff)
            .collect()
    }

    /// A row of a surface, as 0xAARRGGBB.
    pub fn surface_row(&self, surface: u32, y: u32) -> Vec<u32> {
        let surface = self
            .session
            .surface(surface)
            .expect("there is such a surface");
        let width = surface.width() as usize;
        let row = &surface.pixels()[y as usize * width..][..width];
        row.iter()
            .map(|[r, g, b, a]| u32::from_be_bytes([*a, *r, *g, *b]))
            .collect()
    }

    /// The whole screen, as 0xRRGGBB.
    pub fn rows(&self) -> Vec<Vec<u32>> {
        let height = self.session.screen().expect("there is a screen").height;
        (0..height).map(|y| self.row(y)).collect()
    }
}

/// What every drawing begins with: on surface 0, clipped to rectangles if there are any.
pub fn base(bounds: Rect, clip: &[Rect]) -> Body {
    base_on(0, bounds, clip)
}

pub fn base_on(surface: u32, bounds: Rect, clip: &[Rect]) -> Body {
    Body::new(|body| {
        body.u32(surface);
        write_rect(body, &bounds);
        if clip.is_empty() {
            body.u8(0);
        } else {
            body.u8(1).u32(clip.len() as u32);
            clip.iter().for_each(|rect| write_rect(body, rect));
        }
    })
}

pub fn write_rect(body: &mut Writer<'_>, rect: &Rect) {
    body.i32(rect.top)
        .i32(rect.left)
        .i32(rect.bottom)
        .i32(rect.right);
}

/// No mask.
pub fn no_mask(body: &mut Writer<'_>) {
    body.u8(0).i32(0).i32(0).u32(0);
}

/// A fill with one colour.
pub fn fill(bounds: Rect, clip: &[Rect], colour: u32, rop: u16) -> Body {
    base(bounds, clip).and(|body| {
        body.u8(1).u32(colour).u16(rop);
        no_mask(body);
    })
}

/// How an image is to be kept.
#[derive(Clone, Copy, Default)]
pub struct Keep {
    pub id: u64,
    pub flags: u8,
}

/// The bytes of a 32-bit bitmap of 0xAARRGGBB pixels.
pub fn bitmap(keep: Keep, width: u32, pixels: &[u32], alpha: bool) -> Vec<u8> {
    let height = pixels.len() as u32 / width;
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    writer
        .u64(keep.id)
        .u8(0)
        .u8(keep.flags)
        .u32(width)
        .u32(height);
    writer
        .u8(if alpha { 9 } else { 8 })
        .u8(4)
        .u32(width)
        .u32(height)
        .u32(width * 4)
        .u32(0);
    pixels.iter().for_each(|pixel| {
        writer.u32(*pixel);
    });
    bytes
}

/// The bytes of an image that was kept.
pub fn from_cache(id: u64, width: u32, height: u32) -> Vec<u8> {
    Body::new(|body| {
        body.u64(id).u8(103).u8(0).u32(width).u32(height);
    })
    .0
}

/// The bytes of a surface as an image.
pub fn of_surface(surface: u32, width: u32, height: u32) -> Vec<u8> {
    Body::new(|body| {
        body.u64(0)
            .u8(104)
            .u8(0)
            .u32(width)
            .u32(height)
            .u32(surface);
    })
    .0
}

/// The bytes of a mask: one word of eight pixels a row, the first pixel the highest bit.
pub fn mask(rows: &[u8]) -> Vec<u8> {
    Body::new(|body| {
        body.u64(0).u8(0).u8(0).u32(8).u32(rows.len() as u32);
        body.u8(2).u8(4).u32(8).u32(rows.len() as u32).u32(4).u32(0);
        rows.iter().for_each(|row| {
            body.bytes(&[*row, 0, 0, 0]);
        });
    })
    .0
}

/// A copy of part of an image.
pub fn copy(bounds: Rect, image: &[u8], source: Rect, rop: u16, nearest: bool) -> Body {
    copy_on(0, bounds, image, source, rop, nearest)
}

pub fn copy_on(
    surface: u32,
    bounds: Rect,
    image: &[u8],
    source: Rect,
    rop: u16,
    nearest: bool,
) -> Body {
    let body = base_on(surface, bounds, &[]);
    // The image lies after the fixed part: offset, rectangle, rop, scale, mask.
    let offset = body.0.len() as u32 + 4 + 16 + 2 + 1 + 13;
    body.and(|body| {
        body.u32(offset);
        write_rect(body, &source);
        body.u16(rop).u8(nearest.into());
        no_mask(body);
        body.bytes(image);
    })
}
