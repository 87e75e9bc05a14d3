//! The browser's decoders, as far as the console uses them. Bound by hand: the generated bindings
//! are there only for who asks for everything unfinished.

use js_sys::{Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// A decoded picture. Memory is scarce: close it.
    #[derive(Clone, Debug)]
    pub type VideoFrame;

    #[wasm_bindgen(method, getter)]
    pub fn timestamp(this: &VideoFrame) -> f64;
    #[wasm_bindgen(method, getter, js_name = visibleRect)]
    fn visible_rect(this: &VideoFrame) -> JsValue;
    #[wasm_bindgen(method, catch, js_name = allocationSize)]
    fn allocation_size(this: &VideoFrame, options: &Object) -> Result<f64, JsValue>;
    #[wasm_bindgen(method, catch, js_name = copyTo)]
    fn copy_to(this: &VideoFrame, to: &Uint8Array, options: &Object) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method)]
    pub fn close(this: &VideoFrame);

    /// Decodes one stream.
    pub type VideoDecoder;

    #[wasm_bindgen(constructor, catch)]
    fn new(init: &Object) -> Result<VideoDecoder, JsValue>;
    #[wasm_bindgen(static_method_of = VideoDecoder, catch, js_name = isConfigSupported)]
    fn is_config_supported(config: &Object) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn configure(this: &VideoDecoder, config: &Object) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn decode(this: &VideoDecoder, chunk: &EncodedVideoChunk) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn flush(this: &VideoDecoder) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = close)]
    pub fn end(this: &VideoDecoder) -> Result<(), JsValue>;

    type EncodedVideoChunk;

    #[wasm_bindgen(constructor, catch)]
    fn new(init: &Object) -> Result<EncodedVideoChunk, JsValue>;

    /// Decodes one still picture.
    pub type ImageDecoder;

    #[wasm_bindgen(constructor, catch)]
    fn new(init: &Object) -> Result<ImageDecoder, JsValue>;
    #[wasm_bindgen(method, catch, js_name = decode)]
    fn decode_image(this: &ImageDecoder) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, js_name = close)]
    fn end_image(this: &ImageDecoder);
}

/// The browser has something of that name.
pub fn has(name: &str) -> bool {
    Reflect::has(&js_sys::global(), &name.into()).unwrap_or(false)
}

fn object(fields: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        // Fails for frozen objects only.
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object
}

fn config(codec: &str, hardware: &str) -> Object {
    object(&[
        ("codec", codec.into()),
        ("optimizeForLatency", true.into()),
        ("hardwareAcceleration", hardware.into()),
    ])
}

impl VideoDecoder {
    /// A decoder that calls `output` with each picture, in order, and `error` when it is broken.
    pub fn make(codec: &str, output: &Function, error: &Function) -> Result<Self, JsValue> {
        let init = object(&[("output", output.into()), ("error", error.into())]);
        let decoder = Self::new(&init)?;
        decoder.configure(&config(codec, "no-preference"))?;
        Ok(decoder)
    }

    /// Decodes a frame; its picture will have that number as its timestamp.
    pub fn push(&self, data: &[u8], key: bool, number: f64) -> Result<(), JsValue> {
        let init = object(&[
            ("type", if key { "key" } else { "delta" }.into()),
            ("timestamp", number.into()),
            ("data", Uint8Array::from(data).into()),
        ]);
        self.decode(&EncodedVideoChunk::new(&init)?)
    }

    /// Whether this browser decodes that at all, or with the graphics card.
    pub async fn supports(codec: &str, hardware: bool) -> bool {
        let wanted = if hardware {
            "prefer-hardware"
        } else {
            "no-preference"
        };
        let asked = Self::is_config_supported(&config(codec, wanted));
        let Ok(asked) = asked else { return false };
        wasm_bindgen_futures::JsFuture::from(asked)
            .await
            .and_then(|answer| Reflect::get(&answer, &"supported".into()))
            .is_ok_and(|supported| supported == true)
    }
}

/// A JPEG picture, decoded beside us.
pub async fn decode_jpeg(data: &[u8]) -> Result<VideoFrame, JsValue> {
    let init = object(&[
        ("type", "image/jpeg".into()),
        ("data", Uint8Array::from(data).into()),
    ]);
    let decoder = ImageDecoder::new(&init)?;
    let decoded = match decoder.decode_image() {
        Ok(promise) => wasm_bindgen_futures::JsFuture::from(promise).await,
        Err(error) => Err(error),
    };
    decoder.end_image();
    Reflect::get(&decoded?, &"image".into()).map(JsCast::unchecked_into)
}

impl VideoFrame {
    /// Columns and rows of what is to be seen.
    pub fn size(&self) -> Option<(u32, u32)> {
        let rect = self.visible_rect();
        let side = |name: &str| {
            let side = Reflect::get(&rect, &name.into()).ok()?.as_f64()?;
            Some(side as u32)
        };
        Some((side("width")?, side("height")?))
    }

    /// Whether [`Self::copy`] makes four bytes a pixel of it; browsers that do not know how give
    /// the decoder's own format.
    pub fn copies_as_rgba(&self, width: u32, height: u32) -> bool {
        self.allocation_size(&rgba())
            .is_ok_and(|bytes| bytes == f64::from(width) * f64::from(height) * 4.0)
    }

    /// Copies the pixels: red, green, blue, alpha, in rows without gaps. `to` has just their size.
    pub async fn copy(&self, to: &mut [u8]) -> Result<(), JsValue> {
        loop {
            // SAFETY: the view is used until the promise settles and no longer. Until then `to` is
            // borrowed by this function, and nobody else looks at it.
            let view = unsafe { Uint8Array::view_mut_raw(to.as_mut_ptr(), to.len()) };
            let copied = match self.copy_to(&view, &rgba()) {
                Ok(promise) => wasm_bindgen_futures::JsFuture::from(promise).await,
                Err(error) => Err(error),
            };
            if view.byte_length() as usize == to.len() {
                return copied.map(drop);
            }
            // Our memory grew meanwhile, and the view led to where it was: once more.
        }
    }
}

fn rgba() -> Object {
    object(&[("format", "RGBA".into())])
}
