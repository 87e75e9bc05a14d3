// Writes a brotli twin (FILE.br) beside each FILE given; a file that does not shrink gets none.
import { readFile, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";

const compress = promisify(brotliCompress);

await Promise.all(
  process.argv.slice(2).map(async (file) => {
    const bytes = await readFile(file);
    const packed = await compress(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_LGWIN]: 22,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    });
    if (packed.length < bytes.length) await writeFile(`${file}.br`, packed);
    else await rm(`${file}.br`, { force: true });
  }),
);
