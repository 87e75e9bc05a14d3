// Our console beside spice-html5, in one headless Chromium. Standard input: one JSON object,
// { settings, plan: [item…] }. Standard output: a JSON line for every item as it is through,
// { index, item, result } or { index, item, error }. Started by `cargo xtask bench console`, which
// makes the plan, computes medians and judges.
import { createRequire } from "node:module";
import { runKeys } from "./keys.mjs";
import { CASES, runOperations } from "./operations.mjs";
import { runScene } from "./scenes.mjs";
import { serveFiles } from "./theirs.mjs";

const require = createRequire(`${process.env.NODE_FOLDER}/package.json`);
const { chromium } = require("playwright-core");

const KINDS = { scene: runScene, keys: runKeys, operations: runOperations };

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

async function main() {
  let text = "";
  for await (const piece of process.stdin) text += piece;
  const { settings, plan } = JSON.parse(text);
  settings.browser = await chromium.launch({
    executablePath: settings.chromium,
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
    ],
  });
  settings.files = settings.peer ? await serveFiles(settings.peer) : null;
  say({ browser: settings.browser.version(), operations: CASES.length });
  for (const [index, item] of plan.entries()) {
    try {
      say({ index, item, result: await KINDS[item.kind](item, settings) });
    } catch (error) {
      say({ index, item, error: String(error?.message ?? error).slice(0, 1000) });
    }
  }
  await settings.browser.close();
  settings.files?.stop();
}

try {
  await main();
  process.exit(0);
} catch (error) {
  say({ failed: String(error?.stack ?? error).slice(0, 2000) });
  process.exit(1);
}
