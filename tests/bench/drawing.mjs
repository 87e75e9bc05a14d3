// The drawing server of tests/lab: started, told what to draw, and listened to. What it takes and
// says stands at the head of tests/lab/draw-server/main.c.
import { spawn } from "node:child_process";

/** How long a command may take, in milliseconds. */
const LIMIT = 30_000;

export class DrawingServer {
  #child;
  #rest = Buffer.alloc(0);
  #waiting = [];
  #listeners = new Set();
  #pixels = null;
  #port;

  /** Starts one and waits until it listens. */
  static async start(program) {
    const server = new DrawingServer();
    server.#child = spawn(program, [], { stdio: ["pipe", "pipe", "ignore"] });
    server.#child.stdin.on("error", () => {});
    server.#port = new Promise((resolve, reject) => {
      server.#listeners.add((line) => line.startsWith("port ") && resolve(Number(line.slice(5))));
      server.#child.once("error", reject);
      server.#child.once("exit", () => reject(new Error("the drawing server has ended")));
    });
    server.#child.stdout.on("data", (bytes) => server.#take(bytes));
    server.#child.once("exit", () => {
      for (const { reject } of server.#waiting.splice(0)) reject(new Error("the drawing server has ended"));
    });
    server.port = await server.#port;
    return server;
  }

  get pid() {
    return this.#child.pid;
  }

  /** One command; resolves with what follows `ok`, or with `{ width, height, pixels }` of `render`. */
  tell(command) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${command}`)), LIMIT);
      const done = (how) => (value) => (clearTimeout(timer), how(value));
      this.#waiting.push({ command, resolve: done(resolve), reject: done(reject) });
      this.#child.stdin.write(`${command}\n`);
    });
  }

  /** The next line `event WORD …` after now, as its text after `event `. */
  event(word, limit = LIMIT) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#listeners.delete(listener);
        reject(new Error(`no event ${word} in ${limit} ms`));
      }, limit);
      const listener = (line) => {
        const text = line.startsWith("event ") ? line.slice(6) : "";
        if (text !== word && !text.startsWith(`${word} `)) return;
        clearTimeout(timer);
        this.#listeners.delete(listener);
        resolve(text);
      };
      this.#listeners.add(listener);
    });
  }

  /** Waits until all that was drawn has left for the client. */
  async sync(limit = LIMIT) {
    const synced = this.event("synced", limit);
    // Awaited below; until then nobody else hears that it came too late.
    synced.catch(() => {});
    await this.tell("sync");
    await synced;
  }

  /** Ends it. */
  stop() {
    this.#child.kill("SIGKILL");
  }

  #take(bytes) {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    for (;;) {
      if (this.#pixels) {
        const { width, height } = this.#pixels;
        const size = width * height * 4;
        if (this.#rest.length < size) return;
        const pixels = this.#rest.subarray(0, size);
        this.#rest = this.#rest.subarray(size);
        this.#pixels = null;
        this.#waiting.shift().resolve({ width, height, pixels });
        continue;
      }
      const end = this.#rest.indexOf(10);
      if (end < 0) return;
      const line = this.#rest.subarray(0, end).toString();
      this.#rest = this.#rest.subarray(end + 1);
      this.#line(line);
    }
  }

  #line(line) {
    const waiting = this.#waiting[0];
    const rendered = /^ok (\d+) (\d+)$/.exec(line);
    if (rendered && waiting?.command.startsWith("render")) {
      this.#pixels = { width: Number(rendered[1]), height: Number(rendered[2]) };
    } else if (line === "ok" || line.startsWith("ok ")) {
      this.#waiting.shift()?.resolve(line.slice(3));
    } else if (line.startsWith("error")) {
      this.#waiting.shift()?.reject(new Error(`${waiting?.command}: ${line}`));
    } else {
      for (const listener of [...this.#listeners]) listener(line);
    }
  }
}

/** `a b=1 c=2.5` → { b: 1, c: 2.5 } */
export function pairs(text) {
  const out = {};
  for (const [, name, value] of text.matchAll(/(\w+)=([-\d.]+)/g)) out[name] = Number(value);
  return out;
}
