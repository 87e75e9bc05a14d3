// The wasm module behind the same lines as main.rs: node decode.mjs MODULE.wasm
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const module = await WebAssembly.compile(readFileSync(process.argv[2]));
const { exports } = await WebAssembly.instantiate(module, {});

// The memory may grow, and is another buffer then: never kept.
const bytes = (at, size) => new Uint8Array(exports.memory.buffer, at, size);

const load = (file) => {
  const data = readFileSync(file);
  bytes(exports.file(data.length), data.length).set(data);
};

const measure = (milliseconds) => {
  const times = [];
  const start = performance.now();
  let pixels;
  let now;
  do {
    const before = performance.now();
    pixels = exports.run();
    now = performance.now();
    times.push(now - before);
  } while (now - start < milliseconds);
  times.sort((a, b) => a - b);
  return `${pixels} ${Math.round(times[times.length >> 1] * 1e6)}`;
};

for await (const line of createInterface({ input: process.stdin })) {
  const [, file, milliseconds] = /^measure (.*) (\d+)$/.exec(line) ?? [];
  const [, kind, judged] = /^judge (\d+) (.*)$/.exec(line) ?? [];
  if (file !== undefined) {
    load(file);
    process.stdout.write(`${measure(Number(milliseconds))}\n`);
  } else if (judged !== undefined) {
    load(judged);
    const size = exports.judge(Number(kind));
    process.stdout.write(`${new TextDecoder().decode(bytes(exports.text(), size))}\n`);
  } else {
    throw new Error(`\`${line}\` is not understood`);
  }
}
