// The peer: Debian's spice-html5 as it is packaged, on its own page spice_auto.html. It is looked at
// from outside: a script that runs before the page's wraps what the package's objects are made of
// (WebSocket, Image, the 2D context); the package's files are served as they are.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

/** Serves a folder's files on a free port of 127.0.0.1. */
export async function serveFiles(folder) {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://x").pathname);
    try {
      const body = await readFile(join(folder, path));
      response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: server.address().port, stop: () => server.close() };
}

/** The address of the page that connects to a SPICE server's (or relay's) WebSocket at `port`. */
export function address(files, port) {
  return `http://127.0.0.1:${files.port}/spice_auto.html?host=127.0.0.1&port=${port}&path=`;
}

/** Runs in the page before anything of the package: counts what is processed and when. */
export function observe() {
  const DISPLAY = 2;
  const DRAWS = new Map([
    [104, "copy_bits"], [302, "draw_fill"], [303, "draw_opaque"], [304, "draw_copy"], [305, "draw_blend"],
    [306, "draw_blackness"], [307, "draw_whiteness"], [308, "draw_invers"], [309, "draw_rop3"],
    [310, "draw_stroke"], [311, "draw_text"], [312, "draw_transparent"], [313, "draw_alpha_blend"],
    [318, "draw_composite"],
  ]);
  const STREAM_DATA = new Set([123, 316]);
  const seen = {
    connectMs: null, firstPaintMs: null, lastPaintMs: null, lastFrameMs: null, draws: 0, displayMessages: 0, bytes: 0,
    framesPainted: 0, framesReceived: 0, framesShown: 0, errors: 0, streams: 0, types: {},
  };
  let images = 0, frameAsked = false, frameOfStream = false;

  // One animation frame is asked for when something was drawn, as the browser then paints one anyway.
  const drawn = (ofStream) => {
    frameOfStream ||= ofStream;
    if (frameAsked) return;
    frameAsked = true;
    requestAnimationFrame(() => {
      frameAsked = false;
      seen.framesPainted++;
      seen.lastPaintMs = performance.now();
      if (frameOfStream) {
        seen.framesShown++;
        seen.lastFrameMs = seen.lastPaintMs;
      }
      frameOfStream = false;
      seen.firstPaintMs ??= seen.lastPaintMs;
    });
  };

  // Streams other than MJPEG play in a <video> element over the canvas.
  const watch = (video) => {
    const frame = (nowMs) => {
      seen.framesShown++;
      seen.lastPaintMs = seen.lastFrameMs = Math.max(seen.lastPaintMs ?? 0, nowMs);
      video.requestVideoFrameCallback(frame);
    };
    video.requestVideoFrameCallback(frame);
  };

  // JPEG pictures are decoded by the browser and drawn when they are loaded.
  const Picture = globalThis.Image;
  globalThis.Image = function Image(...size) {
    images++;
    return new Picture(...size);
  };
  const drawImage = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (what, ...rest) {
    drawImage.call(this, what, ...rest);
    if (what instanceof HTMLImageElement && what.o) {
      const ofStream = what.o.id !== undefined;
      if (!ofStream) seen.draws++;
      drawn(ofStream);
    }
  };
  const createElement = Document.prototype.createElement;
  Document.prototype.createElement = function (name, ...rest) {
    const element = createElement.call(this, name, ...rest);
    if (name === "video") watch(element);
    return element;
  };

  const wrap = (connection) => {
    connection.ws.addEventListener("message", (event) => (seen.bytes += event.data.byteLength));
    const inner = connection.process_message;
    connection.process_message = function (message) {
      seen.connectMs ??= performance.now();
      const before = images;
      let result;
      try {
        result = inner.call(this, message);
      } catch (error) {
        seen.errors++;
        throw error;
      } finally {
        if (this.type === DISPLAY) {
          seen.displayMessages++;
          const draw = DRAWS.get(message.type);
          if (draw) {
            seen.types[draw] = (seen.types[draw] ?? 0) + 1;
            if (images === before) {
              seen.draws++;
              drawn(false);
            }
          } else if (STREAM_DATA.has(message.type)) {
            seen.framesReceived++;
          }
        }
      }
      return result;
    };
  };
  // The package keeps its connection in the socket's property `parent`.
  Object.defineProperty(WebSocket.prototype, "parent", {
    configurable: true,
    get() {
      return this.itsConnection;
    },
    set(connection) {
      this.itsConnection = connection;
      wrap(connection);
    },
  });

  globalThis.bench = {
    canvas: () => document.getElementById("spice_surface_0"),
    figures: () => ({ ...seen, types: { ...seen.types }, lagMs: null }),
    pixels: () => {
      const canvas = globalThis.bench.canvas();
      if (!canvas) return null;
      const { width, height } = canvas;
      const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
      return { width, height, data };
    },
  };
}
