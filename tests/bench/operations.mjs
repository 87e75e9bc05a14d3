// Drawing operations, one case each: what a client makes of it is compared, to the last pixel, with
// what libspice-server's own renderer made of it.
import { Client } from "./page.mjs";

/** Every case is drawn over this, so that what reads its destination has something to read. */
const GROUND = [
  "image name=1 format=32 size=320,240 pattern=photo seed=5",
  "copy box=0,0,320,240 image=1",
];

const image = (format, pattern = "photo", more = "") =>
  `image name=2 format=${format} size=120,90 pattern=${pattern} seed=11 ${more}`.trim();
const mask = "image name=3 format=1be size=120,90 pattern=noise seed=4";
const brush = "image name=4 format=32 size=16,16 pattern=noise seed=9";
const copy = "copy box=40,50,120,90 image=2";

/** A case: its name, how the server compresses, what it draws. */
const of = (name, compression, ...commands) => ({ name, compression, commands });

export const CASES = [
  of("fill with a colour", "off", "fill box=40,50,120,90 colour=0xcc8844"),
  of("fill with a pattern", "off", brush, "fill box=40,50,120,90 brush=4,3,5"),
  of("fill that turns bits (xor)", "off", "fill box=40,50,120,90 colour=0xcc8844 rop=64"),
  of("fill and (rop)", "off", "fill box=40,50,120,90 colour=0xcc8844 rop=32"),
  of("fill or (rop)", "off", "fill box=40,50,120,90 colour=0xcc8844 rop=16"),
  of("fill through a mask", "off", mask, "fill box=40,50,120,90 colour=0xcc8844 mask=3,0,0,0"),
  of("fill through a turned mask", "off", mask, "fill box=40,50,120,90 colour=0xcc8844 mask=3,0,0,1"),
  of("fill within clips", "off", "fill box=40,50,120,90 colour=0xcc8844 clip=45,55,20,20;80,60,30,50"),
  of("copy of 32 bits", "off", image("32"), copy),
  of("copy of 24 bits", "off", image("24"), copy),
  of("copy of 16 bits", "off", image("16"), copy),
  of("copy of 8 bits with palette", "off", image("8"), copy),
  of("copy of 4 bits with palette", "off", image("4be"), copy),
  of("copy of 1 bit with palette", "off", image("1be"), copy),
  of("copy of rows from the bottom", "off", image("32", "photo", "bottom_up=1"), copy),
  of("copy of rows with padding", "off", image("24", "photo", "padding=6"), copy),
  of("copy as QUIC of 32 bits", "quic", image("32"), copy),
  of("copy as QUIC of 24 bits", "quic", image("24"), copy),
  of("copy as QUIC of 16 bits", "quic", image("16"), copy),
  of("copy as QUIC with alpha", "quic", image("rgba", "alpha"), copy),
  of("copy as LZ of 32 bits", "lz", image("32", "text"), copy),
  of("copy as LZ of 24 bits", "lz", image("24", "text"), copy),
  of("copy as LZ of 16 bits", "lz", image("16", "text"), copy),
  of("copy as LZ with a palette of 8 bits", "lz", image("8", "text"), copy),
  of("copy as LZ with a palette of 4 bits", "lz", image("4be", "text"), copy),
  of("copy as LZ with a palette of 1 bit", "lz", image("1be", "text"), copy),
  of("copy as GLZ", "glz", image("32", "text"), copy, "copy box=170,100,120,90 image=2"),
  of("copy as GLZ within zlib", "glz zlib", image("32", "text"), copy),
  of("copy as LZ4", "lz4", image("32", "text"), copy),
  of("copy twice, from the cache", "quic", image("32", "photo", "cache=77"), copy, "copy box=170,100,120,90 image=2"),
  of("copy of a part", "off", image("32"), "copy box=40,50,60,40 image=2 from=30,20,60,40"),
  of("copy made larger, smooth", "off", image("32"), "copy box=40,50,200,150 image=2 scale=0"),
  of("copy made larger, nearest", "off", image("32"), "copy box=40,50,200,150 image=2 scale=1"),
  of("copy within clips", "off", image("32"), `${copy} clip=45,55,20,20;80,60,30,50`),
  of("copy through a mask", "off", image("32"), mask, `${copy} mask=3,0,0,0`),
  of("copy that turns bits (xor)", "off", image("32"), `${copy} rop=64`),
  of("copy of another surface", "off", "surface id=1 size=120,90 format=xrgb", "fill on=1 box=0,0,120,90 colour=0x336699", "fill on=1 box=20,20,50,30 colour=0xffcc00", "image name=2 surface=1 size=120,90", copy),
  of("copy of another surface with alpha", "off", "surface id=2 size=120,90 format=argb", "fill on=2 box=0,0,120,90 colour=0x80336699", "image name=2 surface=2 size=120,90", copy),
  of("blend (and)", "off", image("32"), "blend box=40,50,120,90 image=2 rop=32"),
  of("opaque with a colour", "off", image("32"), "opaque box=40,50,120,90 image=2 colour=0x00ff80 rop=66"),
  of("opaque with a pattern", "off", image("32"), brush, "opaque box=40,50,120,90 image=2 brush=4,1,2 rop=66"),
  of("move downwards over itself", "off", "copy_bits box=60,70,120,90 at=40,50"),
  of("move upwards over itself", "off", "copy_bits box=40,50,120,90 at=60,70"),
  of("blackness", "off", "blackness box=40,50,120,90"),
  of("whiteness", "off", "whiteness box=40,50,120,90"),
  of("invert", "off", "invert box=40,50,120,90"),
  of("invert through a mask", "off", mask, "invert box=40,50,120,90 mask=3,0,0,0"),
  of("ternary operation with a colour", "off", image("32"), "rop3 box=40,50,120,90 image=2 colour=0x00ff80 rop=0xca"),
  of("ternary operation with a pattern", "off", image("32"), brush, "rop3 box=40,50,120,90 image=2 brush=4,0,0 rop=0xb8"),
  of("copy but for one colour", "off", image("32", "flat"), "transparent box=40,50,120,90 image=2 colour=0x000000"),
  of("alpha blend with one alpha", "off", image("32"), "alpha_blend box=40,50,120,90 image=2 alpha=128"),
  of("alpha blend with alpha of every pixel", "off", image("rgba", "alpha"), "alpha_blend box=40,50,120,90 image=2 alpha=255"),
];

/** What is there when a client comes. The server looks at the compression only then. */
async function prepare(server, compression) {
  const [images, zlib] = compression.split(" ");
  await server.tell(`compression mode=${images}`);
  await server.tell("jpeg mode=never");
  await server.tell(`zlib mode=${zlib ? "always" : "never"}`);
  await server.tell("streaming mode=off");
  await server.tell("primary size=320,240 format=xrgb");
  for (const command of GROUND) await server.tell(command);
  await server.tell("flush");
}

/** Draws; gives whether all of it left for the client. One that a message broke acknowledges no more. */
async function draw(client, commands) {
  for (const command of commands) await client.server.tell(command);
  await client.server.tell("flush");
  return client.server.sync(2000).then(() => true, () => false);
}

/** Runs `item`: { client }. A case that broke the client leaves nothing to the next: it gets a new page. */
export async function runOperations(item, settings) {
  const wrong = [];
  let client = null;
  let whole = true;
  let opened = null;
  try {
    for (const { name, compression, commands } of CASES) {
      if (client !== null && opened !== compression) {
        await client.close();
        client = null;
      }
      if (client !== null && !whole) {
        // Whether it still draws is seen by the ground alone.
        const sent = await draw(client, GROUND);
        whole = sent && (await verdict(client)).exact;
        if (!whole) {
          await client.close();
          client = null;
        }
      }
      if (client === null) {
        client = await Client.open(item.client, settings, (server) => prepare(server, compression));
        opened = compression;
        whole = true;
        await client.settle(200, 5000);
      }
      const sent = await draw(client, [...GROUND, ...commands]);
      const found = sent ? await verdict(client) : { exact: false, differing: 1, most: 255 };
      whole = found.exact;
      if (!found.exact) {
        const trouble = client.troubles.splice(0)[0] ?? null;
        wrong.push({ name, differing: found.differing, most: found.most, trouble });
      }
      for (const surface of commands.filter((c) => c.startsWith("surface id="))) {
        await client.server.tell(`surface_destroy ${surface.split(" ")[1]}`);
      }
    }
  } finally {
    await client?.close();
  }
  return { cases: CASES.length, right: CASES.length - wrong.length, wrong };
}

/** Equal once is equal; what differs is looked at again for a while, for it may be on its way. */
async function verdict(client) {
  const end = Date.now() + 400;
  for (;;) {
    const found = await client.compare().catch((error) => ({ exact: false, differing: 1, most: 255, error }));
    if (found.exact || Date.now() > end) return found;
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}
