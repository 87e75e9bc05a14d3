//! The guest's picture on the canvas, and the guest's pointer above it where the browser's own
//! pointer cannot stand for it (server mouse mode).
//!
//! A rectangle goes from wasm memory to the canvas in one copy: the `ImageData` is made over a view
//! of that memory, used and dropped before anything may allocate (a view dies when memory grows).

use js_sys::{ArrayBuffer, Function, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen::{Clamped, JsCast};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ImageData, OffscreenCanvas, OffscreenCanvasRenderingContext2d};

use crate::webcodecs::VideoFrame;

/// A rectangle in the guest's pixels: left, top, right, bottom; right and bottom are outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// Column after the last.
    pub right: u32,
    /// Row after the last.
    pub bottom: u32,
}

/// A whole picture in wasm memory: `width * height` pixels of four bytes (red, green, blue, 255).
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// The bytes, rows from the top without gaps.
    pub rgba: &'a [u8],
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// The pointer as a picture.
struct Sprite {
    canvas: OffscreenCanvas,
    hot_x: u32,
    hot_y: u32,
}

/// Owns the canvas that the page handed over.
pub struct Painter {
    canvas: OffscreenCanvas,
    context: OffscreenCanvasRenderingContext2d,
    sprite: Option<Sprite>,
    /// Where the pointer is to be, when it is ours to paint.
    pointer: Option<(i32, i32)>,
    /// What the painted pointer covers now.
    covered: Option<Area>,
}

impl Painter {
    /// Takes the canvas over. Fails when the browser has no two-dimensional context for it.
    pub fn new(canvas: OffscreenCanvas) -> Result<Self, JsValue> {
        Ok(Self {
            context: context(&canvas, false)?,
            canvas,
            sprite: None,
            pointer: None,
            covered: None,
        })
    }

    /// Gives the canvas the guest's size; what was on it is gone.
    pub fn resize(&mut self, width: u32, height: u32) {
        self.canvas.set_width(width);
        self.canvas.set_height(height);
        self.covered = None;
    }

    /// The pointer's picture for [`Painter::point`]; four bytes a pixel.
    pub fn set_sprite(&mut self, rgba: &[u8], width: u32, height: u32, hot_x: u32, hot_y: u32) {
        self.sprite = sprite(rgba, width, height).ok().map(|canvas| Sprite {
            canvas,
            hot_x,
            hot_y,
        });
    }

    /// Paint the pointer here from the next frame on; `None`: it is not ours to paint, or hidden.
    pub fn point(&mut self, at: Option<(i32, i32)>) {
        self.pointer = at;
    }

    /// Whether the next frame would differ although the guest's picture did not change.
    pub fn pointer_moved(&self) -> bool {
        self.pointer_area() != self.covered
    }

    /// Puts what changed on the canvas.
    pub fn paint(&mut self, frame: Frame<'_>, changed: &[Area]) -> Result<(), JsValue> {
        for area in changed {
            self.put(frame, *area)?;
        }
        let wanted = self.pointer_area();
        let touched = |area: Area| changed.iter().any(|other| overlap(area, *other));
        if wanted != self.covered || wanted.is_some_and(touched) {
            if let Some(area) = self.covered.take() {
                self.put(frame, area)?;
            }
            if let (Some((x, y)), Some(sprite)) = (self.pointer, &self.sprite) {
                self.context.draw_image_with_offscreen_canvas(
                    &sprite.canvas,
                    f64::from(x) - f64::from(sprite.hot_x),
                    f64::from(y) - f64::from(sprite.hot_y),
                )?;
                self.covered = wanted;
            }
        }
        Ok(())
    }

    fn put(&self, frame: Frame<'_>, area: Area) -> Result<(), JsValue> {
        let bottom = area.bottom.min(frame.height);
        let right = area.right.min(frame.width);
        if area.left >= right || area.top >= bottom {
            return Ok(());
        }
        let row = frame.width as usize * 4;
        let Some(rows) = frame
            .rgba
            .get(area.top as usize * row..bottom as usize * row)
        else {
            return Ok(());
        };
        // The view that this makes lives until the end of the statement after it.
        let image = ImageData::new_with_u8_clamped_array_and_sh(
            Clamped(rows),
            frame.width,
            bottom - area.top,
        )?;
        self.context
            .put_image_data_with_dirty_x_and_dirty_y_and_dirty_width_and_dirty_height(
                &image,
                0.0,
                f64::from(area.top),
                f64::from(area.left),
                0.0,
                f64::from(right - area.left),
                f64::from(bottom - area.top),
            )
    }

    fn pointer_area(&self) -> Option<Area> {
        let (x, y) = self.pointer?;
        let sprite = self.sprite.as_ref()?;
        let left = i64::from(x) - i64::from(sprite.hot_x);
        let top = i64::from(y) - i64::from(sprite.hot_y);
        let clamp = |value: i64, limit: u32| value.clamp(0, i64::from(limit)) as u32;
        let (width, height) = (self.canvas.width(), self.canvas.height());
        Some(Area {
            left: clamp(left, width),
            top: clamp(top, height),
            right: clamp(left + i64::from(sprite.canvas.width()), width),
            bottom: clamp(top + i64::from(sprite.canvas.height()), height),
        })
    }
}

/// The frame as a PNG file, byte for byte what the guest shows; the canvas is not asked, because it
/// may also have the pointer.
pub async fn png(canvas: OffscreenCanvas) -> Result<Vec<u8>, JsValue> {
    let blob: Blob = JsFuture::from(canvas.convert_to_blob()?)
        .await?
        .dyn_into()?;
    let buffer: ArrayBuffer = JsFuture::from(blob.array_buffer()).await?.dyn_into()?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// A canvas of its own with this picture.
pub fn sprite(rgba: &[u8], width: u32, height: u32) -> Result<OffscreenCanvas, JsValue> {
    let canvas = OffscreenCanvas::new(width, height)?;
    let image = ImageData::new_with_u8_clamped_array_and_sh(Clamped(rgba), width, height)?;
    context(&canvas, true)?.put_image_data(&image, 0.0, 0.0)?;
    Ok(canvas)
}

/// The pixels of a video frame, by way of a canvas of its size.
pub fn read(canvas: &OffscreenCanvas, image: &VideoFrame, rgba: &mut [u8]) -> Result<(), JsValue> {
    let context = context(canvas, false)?;
    let draw: Function = Reflect::get(&context, &"drawImage".into())?.dyn_into()?;
    draw.call3(&context, image, &0.into(), &0.into())?;
    let (width, height) = (canvas.width(), canvas.height());
    let pixels = context.get_image_data(0.0, 0.0, f64::from(width), f64::from(height))?;
    let pixels = pixels.data();
    if pixels.len() != rgba.len() {
        return Err(JsValue::NULL);
    }
    rgba.copy_from_slice(&pixels);
    Ok(())
}

fn context(
    canvas: &OffscreenCanvas,
    alpha: bool,
) -> Result<OffscreenCanvasRenderingContext2d, JsValue> {
    let options = js_sys::Object::new();
    Reflect::set(&options, &"alpha".into(), &alpha.into())?;
    canvas
        .get_context_with_context_options("2d", &options)?
        .ok_or_else(|| JsValue::from_str("this browser has no 2d context for an OffscreenCanvas"))?
        .dyn_into()
        .map_err(Into::into)
}

fn overlap(a: Area, b: Area) -> bool {
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}
