// From a key to the picture. The drawing server turns over a rectangle at every key press. Two times
// are taken from the key event's own time, in the page: until the client has drawn the change into
// its canvas, as the client itself tells; and until the browser's compositor had a frame with it,
// as DevTools' screencast tells, which sends one frame for every change on the screen.
import { Client } from "./page.mjs";

const BOX = [100, 100, 64, 64];

async function prepare(server) {
  await server.tell("compression mode=auto_lz");
  await server.tell("primary size=1280,800 format=xrgb");
  await server.tell("fill box=0,0,1280,800 colour=0x203040");
  await server.tell(`fill box=${BOX} colour=0`);
  await server.tell("flush");
}

/** In the page: when keys were pressed, on the clock of the epoch. */
function watchKeys() {
  globalThis.keyTimes = [];
  const note = (event) => globalThis.keyTimes.push(performance.timeOrigin + event.timeStamp);
  addEventListener("keydown", note, { capture: true });
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs `item`: { client, count }. */
export async function runKeys(item, settings) {
  const client = await Client.open(item.client, settings, prepare);
  try {
    await client.settle(300, 10_000);
    await client.server.tell(`echo on=1 box=${BOX}`);
    const canvas = client.page.locator(item.client === "ours" ? "#picture" : "#spice_surface_0");
    await canvas.hover();
    await canvas.focus();
    await client.page.evaluate(watchKeys);
    const frames = [];
    client.session.on("Page.screencastFrame", ({ metadata, sessionId }) => {
      frames.push(metadata.timestamp * 1000);
      client.session.send("Page.screencastFrameAck", { sessionId }).catch(() => {});
    });
    const small = { format: "jpeg", quality: 10, maxWidth: 180, maxHeight: 112, everyNthFrame: 1 };
    await client.session.send("Page.startScreencast", small);
    await pause(500);

    const painted = [], shown = [];
    // The first presses find code that was never run: they do not count.
    const warm = 3;
    for (let press = 0; press < item.count + warm; press++) {
      const [before, framesBefore] = [await client.figures(), frames.length];
      await client.page.keyboard.down("KeyA");
      const after = await client.until(
        (now) => now && now.lastPaintMs !== before.lastPaintMs,
        2000,
        "picture after a key",
      );
      for (let wait = 0; frames.length === framesBefore && wait < 50; wait++) await pause(10);
      await client.page.keyboard.up("KeyA");
      const pressed = await client.page.evaluate(() => globalThis.keyTimes.at(-1));
      if (press >= warm) {
        painted.push(after.originMs + after.lastPaintMs - pressed);
        if (frames.length > framesBefore) shown.push(frames[framesBefore] - pressed);
      }
      // Not in step with the animation frames.
      await pause(40 + ((press * 7) % 23));
    }
    const at = (times, share) => {
      const sorted = times.toSorted((a, b) => a - b);
      return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
    };
    return {
      pressed: item.count,
      paintedP50: at(painted, 0.5),
      paintedP90: at(painted, 0.9),
      shownP50: at(shown, 0.5),
      shownP90: at(shown, 0.9),
      painted,
      shown,
    };
  } finally {
    await client.close();
  }
}
