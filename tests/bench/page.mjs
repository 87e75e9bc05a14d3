// One client in one page of a headless Chromium beside its own drawing server: opened, asked, closed.
// Both clients are asked the same questions through `globalThis.bench` of their page.
import { DrawingServer } from "./drawing.mjs";
import { browserCpu, browserProcesses, cpuSeconds, memoryBytes } from "./processes.mjs";
import * as ours from "./ours.mjs";
import * as theirs from "./theirs.mjs";
import { relay } from "./relay.mjs";

/** How long a page may take to show its first picture. */
const LIMIT = 30_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Client {
  #closers = [];

  /**
   * Opens `who` ("ours" or "theirs"). `prepare(server)` draws what is there before the page comes.
   * `settings`: { browser, drawServer, saffron, dist, files, relay, websockify }.
   */
  static async open(who, settings, prepare) {
    const client = new Client();
    client.who = who;
    try {
      await client.#open(settings, prepare);
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  async #open(settings, prepare) {
    this.server = await DrawingServer.start(settings.drawServer);
    this.#closers.push(() => this.server.stop());
    await prepare(this.server);
    let url;
    this.between = [];
    if (this.who === "ours") {
      const view = await ours.view(settings.saffron, this.server.port, settings.environment);
      this.#closers.push(view.stop);
      this.between.push(view.pid);
      url = view.url;
    } else {
      const way = await relay(settings, this.server.port);
      this.#closers.push(way.stop);
      if (way.pid) this.between.push(way.pid);
      url = theirs.address(settings.files, way.port);
    }
    this.browser = await settings.browser.newBrowserCDPSession();
    this.#closers.push(() => this.browser.detach());
    const context = await settings.browser.newContext({ viewport: { width: 1440, height: 900 } });
    this.#closers.push(() => context.close());
    this.page = await context.newPage();
    this.troubles = [];
    this.page.on("pageerror", (error) => this.troubles.push(String(error).slice(0, 300)));
    // A dialog would stop everything.
    this.page.on("dialog", (dialog) => dialog.dismiss().catch(() => {}));
    this.page.setDefaultTimeout(LIMIT);
    const observe = this.who === "ours" ? ours.observe : theirs.observe;
    await this.page.addInitScript(`(${observe})()`);
    this.session = await context.newCDPSession(this.page);
    await this.session.send("Performance.enable");
    await this.page.goto(url, { waitUntil: "commit" });
    await this.until((now) => now?.firstPaintMs != null, LIMIT, "a first picture");
  }

  /** What the page's client tells of itself now, with the page's clock. */
  figures() {
    return this.page.evaluate(async () => {
      const figures = (await globalThis.bench?.figures()) ?? null;
      return figures && { ...figures, nowMs: performance.now(), originMs: performance.timeOrigin };
    });
  }

  /** Asks again until `met(figures)`. */
  async until(met, limit, what) {
    const end = Date.now() + limit;
    for (;;) {
      const now = await this.figures().catch(() => null);
      if (met(now)) return now;
      if (Date.now() > end) throw new Error(`${this.who}: no ${what} in ${limit} ms (${JSON.stringify(now)})`);
      await pause(20);
    }
  }

  /**
   * Waits until nothing new was processed or painted for `quiet` ms, at most `limit`. Says when a
   * frame of video was shown last, as far as asking over and over can tell.
   */
  async settle(quiet, limit) {
    const end = Date.now() + limit;
    let last = null, since = Date.now(), frames = null, frameMs = null;
    for (;;) {
      const now = await this.figures().catch(() => null);
      if (now && frames !== null && now.framesShown !== frames) frameMs = now.originMs + now.nowMs;
      if (now) frames = now.framesShown;
      const state = now && `${now.displayMessages} ${now.draws} ${now.framesPainted} ${now.bytes}`;
      if (state !== last) {
        last = state;
        since = Date.now();
      }
      if (now && Date.now() - since >= quiet) return { figures: now, frameMs, settled: true };
      if (Date.now() > end) return { figures: now, frameMs, settled: false };
      await pause(Math.min(25, quiet / 4));
    }
  }

  /** The main thread's busy seconds, CPU seconds by kind of process, and the wall clock. */
  async costs() {
    const { metrics } = await this.session.send("Performance.getMetrics");
    const metric = (name) => metrics.find((m) => m.name === name)?.value ?? 0;
    const { seconds } = await browserCpu(this.browser);
    return {
      wallMs: Date.now(),
      mainSeconds: metric("TaskDuration"),
      heapBytes: metric("JSHeapUsedSize"),
      renderer: seconds.renderer ?? 0,
      gpu: seconds.GPU ?? 0,
      browser: seconds.browser ?? 0,
      server: cpuSeconds(this.server.pid),
      between: this.between.reduce((sum, pid) => sum + cpuSeconds(pid), 0),
    };
  }

  /** The memory of the largest renderer, in bytes. */
  async memory() {
    const { renderer = [] } = await browserProcesses(this.browser);
    return Math.max(0, ...renderer.map(memoryBytes));
  }

  /** The picture as the client has it, red, green, blue and alpha; null if there is none. */
  async pixels() {
    const got = await this.page.evaluate(async () => {
      const pixels = await globalThis.bench.pixels();
      if (!pixels) return null;
      // As text, for only text comes out of a page; in pieces, for the stack is not endless.
      let text = "";
      for (let at = 0; at < pixels.data.length; at += 32768) {
        text += String.fromCharCode(...pixels.data.subarray(at, at + 32768));
      }
      return { width: pixels.width, height: pixels.height, text: btoa(text) };
    });
    return got && { width: got.width, height: got.height, pixels: Buffer.from(got.text, "base64") };
  }

  /** How the client's picture differs from what the server itself drew. */
  async compare() {
    const [theServer, shown] = [await this.server.tell("render on=0"), await this.pixels()];
    return difference(theServer, shown);
  }

  async close() {
    for (const close of this.#closers.splice(0).reverse()) {
      try {
        await close();
      } catch {
        // What is closed may have ended by itself.
      }
    }
  }
}

/** Compares two pictures: share of differing pixels, the greatest difference of a sample, PSNR in dB. */
export function difference(wanted, shown) {
  if (!shown || shown.width !== wanted.width || shown.height !== wanted.height) {
    return { exact: false, differing: 1, most: 255, psnr: 0 };
  }
  const [a, b] = [wanted.pixels, shown.pixels];
  let differing = 0, most = 0, squares = 0;
  for (let at = 0; at < a.length; at += 4) {
    const red = Math.abs(a[at] - b[at]);
    const green = Math.abs(a[at + 1] - b[at + 1]);
    const blue = Math.abs(a[at + 2] - b[at + 2]);
    if (red + green + blue > 0) differing++;
    most = Math.max(most, red, green, blue);
    squares += red * red + green * green + blue * blue;
  }
  const samples = (a.length / 4) * 3;
  const psnr = squares === 0 ? 99 : 10 * Math.log10((255 * 255 * samples) / squares);
  return { exact: differing === 0, differing: differing / (a.length / 4), most, psnr };
}
