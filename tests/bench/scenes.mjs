// One run of one scene by one client: what was drawn, shown, and what it cost.
import { Client } from "./page.mjs";
import { load } from "./processes.mjs";

/** How long a client may go on after the server is through with the scene. */
const DRAIN = 20_000;

const SIZES = { desktop: "1280,800", photo: "1280,800", video720: "1280,720", video1080: "1920,1080", mixed: "1280,800" };

/** The switches of the drawing server for a named way of compressing. */
export function switches(compression) {
  switch (compression) {
    case "jpeg":
      return { compression: "quic", jpeg: "always" };
    case "mjpeg":
    case "vp8":
    case "h264":
    case "vp9":
      return { compression: "auto_lz", jpeg: "never", codec: compression };
    default:
      return { compression, jpeg: "never" };
  }
}

/** How many drawings there were; the server puts one pixel behind each photograph, to be paced by. */
function drawings({ draws, types }, scene) {
  return scene === "photo" ? draws - (types.draw_fill ?? 0) - (types.copy_bits ?? 0) : draws;
}

/** What a client that comes finds: a photograph that covers the screen. */
async function firstPicture(server, scene, compression) {
  const size = SIZES[scene];
  const how = switches(compression);
  await server.tell(`compression mode=${how.compression}`);
  await server.tell(`jpeg mode=${how.jpeg}`);
  await server.tell("zlib mode=never");
  await server.tell(`primary size=${size} format=xrgb`);
  await server.tell(`image name=1 format=32 size=${size} pattern=photo seed=7`);
  await server.tell(`copy box=0,0,${size} image=1`);
  await server.tell("flush");
}

/** Runs `item`: { client, scene, compression, seconds, rate }. */
export async function runScene(item, settings) {
  const { scene, compression, seconds } = item;
  const client = await Client.open(item.client, settings, (server) => firstPicture(server, scene, compression));
  try {
    const { figures: opened } = await client.settle(300, 10_000);
    const how = switches(compression);
    const words = [`scene name=${scene}`, `size=${SIZES[scene]}`, `seconds=${seconds}`, "seed=3"];
    if (how.codec) words.push(`codec=${how.codec}`);
    if (item.rate !== undefined) words.push(`rate=${item.rate}`);

    let mostMemory = await client.memory();
    let mostLag = 0;
    const before = await client.costs();
    const first = await client.figures();
    const ended = client.server.event("scene", (seconds + 60) * 1000);
    const beganMs = Date.now();
    await client.server.tell(words.join(" "));
    const watch = setInterval(async () => {
      const [memory, now] = await Promise.all([
        client.memory().catch(() => 0),
        // The peer's page answers only when its main thread is free: what it would say comes too late.
        item.client === "ours" ? client.figures().catch(() => null) : null,
      ]);
      mostMemory = Math.max(mostMemory, memory);
      mostLag = Math.max(mostLag, now?.lagMs ?? 0);
    }, 500);
    let event;
    try {
      event = await ended;
    } finally {
      clearInterval(watch);
    }
    const endedMs = Date.now();
    // Costs are those of the scene itself: asking over and over, as below, costs as well.
    const then = (await client.figures()) ?? first;
    const after = await client.costs();
    // What is still on its way arrives without a pause; what a server sends a second after a film,
    // a sharp picture of its last frame, is not part of the scene.
    const { figures: last, frameMs, settled } = await client.settle(250, DRAIN);
    mostMemory = Math.max(mostMemory, await client.memory());

    const video = scene.startsWith("video");
    const lastFrameMs = last.lastFrameMs == null ? frameMs : last.originMs + last.lastFrameMs;
    const lastMs = video ? (lastFrameMs ?? endedMs) : last.originMs + last.lastPaintMs;
    const spentMs = Math.max(1, video ? Math.max(lastMs, endedMs) - beganMs : lastMs - beganMs);
    const draws = drawings(last, scene) - drawings(first, scene);
    const shown = last.framesShown - first.framesShown;
    const items = video ? then.framesShown - first.framesShown : drawings(then, scene) - drawings(first, scene);
    const wallSeconds = (after.wallMs - before.wallMs) / 1000;
    await client.settle(500, DRAIN);
    const difference = await client.compare().catch((error) => ({ exact: false, error: String(error) }));
    return {
      firstFrameMs: opened.firstPaintMs,
      connectToFrameMs: opened.firstPaintMs - (opened.connectMs ?? opened.firstPaintMs),
      draws,
      drawsPerSecond: (draws * 1000) / spentMs,
      framesReceived: last.framesReceived - first.framesReceived,
      framesReceivedPerSecond: ((last.framesReceived - first.framesReceived) * 1000) / spentMs,
      framesShown: shown,
      framesShownPerSecond: (shown * 1000) / spentMs,
      framesPaintedPerSecond: ((last.framesPainted - first.framesPainted) * 1000) / spentMs,
      mainBusy: (after.mainSeconds - before.mainSeconds) / wallSeconds,
      rendererCpuMsPerItem: ((after.renderer - before.renderer) * 1000) / Math.max(items, 1),
      rendererCpuSeconds: after.renderer - before.renderer,
      gpuCpuSeconds: after.gpu - before.gpu,
      megabytes: (last.bytes - first.bytes) / 1e6,
      memoryMegabytes: mostMemory / 1e6,
      serverBusy: (after.server - before.server) / wallSeconds,
      relayBusy: (after.between - before.between) / wallSeconds,
      lagMs: Math.max(0, lastMs - endedMs, mostLag),
      behindMs: Math.max(0, lastMs - endedMs),
      reportedLagMs: mostLag,
      settled,
      exact: difference.exact,
      psnr: difference.psnr ?? null,
      difference,
      errors: last.errors - first.errors,
      lastError: last.lastError ?? client.troubles[0] ?? null,
      codec: last.codec ?? null,
      decoder: last.decoder ?? null,
      decodeMs: last.decodeMs == null ? null : last.decodeMs - (first.decodeMs ?? 0),
      paintMs: last.paintMs == null ? null : last.paintMs - (first.paintMs ?? 0),
      spentMs,
      server: event,
      load: load(),
    };
  } finally {
    await client.close();
  }
}
