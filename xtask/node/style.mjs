// Makes the portals' one style sheet: PatternFly without what the sources do not name, then ours.
//
//   node style.mjs PATTERNFLY_FOLDER OUR_STYLE OUT SOURCE...
//
// Sources are the files in which a class name of PatternFly may stand. Ours (OUR_STYLE, may be
// empty or absent: then "-") is kept whole. Fonts are referred to as /assets/NAME; hashing names is
// left to the caller.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import postcss from "postcss";
import { PurgeCSS } from "purgecss";
import { transform } from "lightningcss";

const [patternfly, ours, out, ...sources] = process.argv.slice(2);

const FACES = ["RedHatTextVF.woff2", "RedHatDisplayVF.woff2", "RedHatMonoVF.woff2"];

// Of the faces only the three upright ones are served. PurgeCSS would drop them all, because their
// names reach the rules through variables. Background pictures of PatternFly's own are not used.
const trim = {
  postcssPlugin: "saffron-trim",
  AtRule: {
    "font-face": (rule) => {
      const face = FACES.find((name) => rule.toString().includes(`/${name}"`));
      if (!face) rule.remove();
      else rule.walkDecls("src", (src) => void (src.value = `url("/assets/${face}") format("woff2")`));
    },
  },
  Declaration: (declaration) => {
    if (declaration.value.includes("url(\"./")) {
      declaration.value = declaration.value.replace(/url\("\.\/[^"]*"\)/g, "none");
    }
  },
};

const whole = await readFile(join(patternfly, "patternfly.css"), "utf8");
const { css: trimmed } = await postcss([trim]).process(whole, { from: undefined });
const own = ours === "-" ? "" : await readFile(ours, "utf8");

// Both sheets together, or variables that only ours uses would count as unused.
const [{ css: purged }] = await new PurgeCSS().purge({
  content: await Promise.all(
    sources.map(async (file) => ({ raw: await readFile(file, "utf8"), extension: "text" })),
  ),
  css: [{ raw: `${trimmed}\n${own}` }],
  // A class may follow anything that is not part of a class name, in Rust as in HTML.
  defaultExtractor: (text) => text.match(/[A-Za-z0-9_-]+/g) ?? [],
  variables: true,
  keyframes: true,
  fontFace: false,
  safelist: {
    standard: ["html", "body", "pf-v6-theme-dark"],
    // Ours are written with care and may be composed at run time ("sf-status-" + state).
    greedy: [/(^|[^A-Za-z0-9])sf-/],
    variables: [/^--sf-/],
    keyframes: [/^sf-/],
  },
});

const { code } = transform({ filename: "style.css", code: Buffer.from(purged), minify: true, errorRecovery: true });
await writeFile(out, code);
