// Our page: `saffron view` in front of the same server, and what the page tells scripts of itself.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Starts `saffron view` for a SPICE server; gives its address and process. */
export async function view(program, port, environment) {
  const child = spawn(program, ["view", `spice://127.0.0.1:${port}`, "--listen", "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  const said = [];
  const url = await new Promise((resolve, reject) => {
    const look = (line) => {
      said.push(line);
      const found = /https?:\/\/[^\s"]+/.exec(line);
      if (found) resolve(found[0]);
    };
    createInterface({ input: child.stdout }).on("line", look);
    createInterface({ input: child.stderr }).on("line", look);
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`saffron view has ended: ${said.join(" · ")}`)));
  });
  return { url, pid: child.pid, stop: () => child.kill("SIGTERM") };
}

/** Runs in the page before ours: the same names that the peer's page gets. */
export function observe() {
  const ofDraw = ([name]) => name.startsWith("draw_") || name === "copy_bits";
  globalThis.bench = {
    canvas: () => document.getElementById("picture"),
    figures: async () => {
      const now = await globalThis.saffron?.statistics();
      if (!now) return null;
      const types = Object.fromEntries(Object.entries(now.messages ?? {}).filter(ofDraw));
      return {
        connectMs: now.connectMs ?? null,
        firstPaintMs: now.firstPaintMs ?? null,
        lastPaintMs: now.lastPaintMs ?? null,
        draws: Object.values(types).reduce((sum, n) => sum + n, 0),
        displayMessages: now.displayMessages ?? 0,
        bytes: now.bytesReceived ?? 0,
        framesPainted: now.framesPainted ?? 0,
        framesReceived: now.streamFrames?.received ?? 0,
        framesShown: now.streamFrames?.shown ?? 0,
        errors: now.errors ?? 0,
        types,
        lagMs: now.lagMs ?? null,
        phase: now.phase,
        decoder: now.decoder ?? null,
        codec: now.codec ?? null,
        decodeMs: now.decodeMs ?? null,
        paintMs: now.paintMs ?? null,
        lastError: now.lastError ?? null,
      };
    },
    pixels: async () => {
      const png = await globalThis.saffron.picture();
      if (!png || png.length === 0) return null;
      const bitmap = await createImageBitmap(new Blob([png], { type: "image/png" }), {
        premultiplyAlpha: "none",
        colorSpaceConversion: "none",
      });
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(bitmap, 0, 0);
      const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
      return { width: bitmap.width, height: bitmap.height, data };
    },
  };
}
