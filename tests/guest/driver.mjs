// A browser that a test drives line by line: one command a line on standard input, one answer a line
// on standard output. Commands and answers are JSON arrays: [name, argument…] → ["ok", value] or
// ["error", sentence]. Started by tests/support/browser.rs.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { readFileSync, writeFileSync } from "node:fs";

const require = createRequire(`${process.env.NODE_FOLDER}/package.json`);
const { chromium } = require("playwright-core");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
const context = await browser.newContext({
  ignoreHTTPSErrors: true,
  viewport: { width: 1440, height: 900 },
});
const page = await context.newPage();
const troubles = [];
page.on("pageerror", (error) => troubles.push(String(error)));
page.on("console", (message) => {
  if (message.type() === "error") troubles.push(message.text());
});

const LIMIT = 60_000;
page.setDefaultTimeout(LIMIT);

const commands = {
  // From now on pages find a browser that lacks something.
  lack: async (what) => {
    const scripts = {
      OffscreenCanvas: () => delete globalThis.OffscreenCanvas,
      "WebAssembly SIMD": () => (WebAssembly.validate = () => false),
      WebAssembly: () => delete globalThis.WebAssembly,
    };
    await context.addInitScript(scripts[what]);
  },
  open: async (url) => void (await page.goto(url, { waitUntil: "load" })),
  size: async (width, height) => void (await page.setViewportSize({ width, height })),
  dark: async (dark) => void (await page.emulateMedia({ colorScheme: dark ? "dark" : "light" })),
  fill: async (label, text) => void (await page.getByLabel(label, { exact: true }).fill(text)),
  press_button: async (name) =>
    void (await page.getByRole("button", { name, exact: true }).first().click()),
  // Sends the form of the open dialog as Enter in its first field does.
  submit: async () => void (await page.getByRole("dialog").locator("input").first().press("Enter")),
  press_item: async (name) => void (await page.getByRole("menuitem", { name }).first().click()),
  choose: async (label, words) =>
    void (await page.getByLabel(label, { exact: true }).selectOption({ label: words })),
  // Waits until the page has drawn what it shows: its heading is there and nothing is being loaded.
  settled: async () => {
    await page.locator("h1").first().waitFor();
    await page.waitForFunction(() => !document.querySelector(".sf-skel"));
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  },
  // What axe finds serious or critical, a line each. Run from outside, so that the page's own policy
  // stays as it is.
  axe: async () => {
    await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
    const result = await page.evaluate(() =>
      globalThis.axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }),
    );
    return result.violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, help, nodes }) => nodes.slice(0, 3).map((node) => `${id}: ${help}: ${node.html.slice(0, 160)}`));
  },
  follow: async (name) => void (await page.getByRole("link", { name, exact: true }).first().click()),
  see: async (text) => void (await page.getByText(text).first().waitFor()),
  screenshot: async (file) => void (await page.screenshot({ path: file })),
  // Waits until the console's page says this of itself.
  console_is: async (phase) => {
    const says = async (phase) => (await globalThis.saffron?.statistics())?.phase === phase;
    await page.waitForFunction(says, phase, { timeout: LIMIT, polling: 50 });
  },
  statistics: () => page.evaluate(() => globalThis.saffron.statistics()),
  // The exact picture that the console's core holds, as a PNG file.
  picture: async (file) => {
    const bytes = await page.evaluate(async () => Array.from(await globalThis.saffron.picture()));
    writeFileSync(file, Buffer.from(bytes));
  },
  // What the canvas shows, scaled as the page scales it.
  canvas: async (file) => void (await page.locator("#picture").screenshot({ path: file })),
  key: async (code) => {
    await page.locator("#picture").focus();
    await page.keyboard.press(code);
  },
  key_down: async (code) => {
    await page.locator("#picture").focus();
    await page.keyboard.down(code);
  },
  blur: async () => void (await page.locator("#picture").evaluate((picture) => picture.blur())),
  // A click at a point of the guest's screen.
  click: async (x, y) => {
    const at = await page.evaluate(
      async ([x, y]) => {
        const { width, height } = await globalThis.saffron.statistics();
        const box = document.getElementById("picture").getBoundingClientRect();
        return [box.left + (x + 0.5) * (box.width / width), box.top + (y + 0.5) * (box.height / height)];
      },
      [x, y],
    );
    await page.mouse.move(at[0], at[1]);
    await page.mouse.down();
    await page.mouse.up();
  },
  text: () => page.evaluate(() => document.body.innerText),
  troubles: () => troubles.splice(0),
};

const answer = (...values) => process.stdout.write(`${JSON.stringify(values)}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...parts] = JSON.parse(line);
  if (name === "quit") break;
  try {
    answer("ok", (await commands[name](...parts)) ?? null);
  } catch (error) {
    answer("error", `${name}: ${String(error).slice(0, 2000)}`);
  }
}
await browser.close();
process.exit(0);
