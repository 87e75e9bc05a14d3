// Compresses with brotli, as well as it can: node compress.mjs IN OUT [IN OUT]...
// A file appears under its name only when it is whole.
import { readFile, rename, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";

const compress = promisify(brotliCompress);

async function pack(from, to) {
  const bytes = await readFile(from);
  const packed = await compress(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 22,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  await writeFile(`${to}.part`, packed);
  await rename(`${to}.part`, to);
}

const names = process.argv.slice(2);
await Promise.all(names.flatMap((from, at) => (at % 2 === 0 ? [pack(from, names[at + 1])] : [])));
