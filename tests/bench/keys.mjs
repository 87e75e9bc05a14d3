// From a key to the picture: the drawing server turns a rectangle at every key press; how long it
// takes until the page's canvas has the new colour, seen by reading one pixel over and over.
import { Client } from "./page.mjs";

const BOX = [100, 100, 64, 64];

async function prepare(server) {
  await server.tell("compression mode=auto_lz");
  await server.tell("primary size=1280,800 format=xrgb");
  await server.tell("fill box=0,0,1280,800 colour=0x203040");
  await server.tell(`fill box=${BOX} colour=0`);
  await server.tell("flush");
}

/** In the page: from each key event's own time until the pixel of the canvas differs. */
function watchKeys([x, y]) {
  const eye = document.createElement("canvas");
  eye.width = eye.height = 1;
  const context = eye.getContext("2d", { willReadFrequently: true });
  const read = () => {
    context.drawImage(globalThis.bench.canvas(), x, y, 1, 1, 0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data[0];
  };
  const channel = new MessageChannel();
  let pressed = null, colour = 0, looks = 0;
  globalThis.keyTimes = [];
  channel.port1.onmessage = () => {
    looks++;
    if (read() !== colour) {
      globalThis.keyTimes.push({ ms: performance.now() - pressed, looks });
    } else if (performance.now() - pressed > 2000) {
      globalThis.keyTimes.push({ ms: null, looks });
    } else {
      channel.port2.postMessage(0);
    }
  };
  addEventListener(
    "keydown",
    (event) => {
      pressed = event.timeStamp;
      looks = 0;
      // After the page's own handlers have sent the key.
      channel.port2.postMessage(0);
    },
    { capture: true },
  );
  globalThis.beforeKey = () => (colour = read());
}

/** Runs `item`: { client, count }. */
export async function runKeys(item, settings) {
  const client = await Client.open(item.client, settings, prepare);
  try {
    await client.settle(300, 10_000);
    await client.server.tell(`echo on=1 box=${BOX}`);
    const canvas = client.page.locator(item.client === "ours" ? "#picture" : "#spice_surface_0");
    await canvas.hover();
    await canvas.focus();
    await client.page.evaluate(watchKeys, [BOX[0] + 20, BOX[1] + 20]);
    // The first press finds code that was never run: it does not count.
    for (let press = 0; press <= item.count; press++) {
      await client.page.evaluate(() => globalThis.beforeKey());
      await client.page.keyboard.down("KeyA");
      await client.page.waitForFunction((n) => globalThis.keyTimes.length > n, press, { polling: 50 });
      await client.page.keyboard.up("KeyA");
      // Not in step with the animation frames.
      await new Promise((resolve) => setTimeout(resolve, 30 + ((press * 7) % 23)));
    }
    const seen = (await client.page.evaluate(() => globalThis.keyTimes)).slice(1);
    const times = seen.map(({ ms }) => ms).filter((ms) => ms !== null);
    times.sort((a, b) => a - b);
    const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? null;
    return { pressed: item.count, seen: times.length, p50: at(0.5), p90: at(0.9), p99: at(0.99) };
  } finally {
    await client.close();
  }
}
