// Checks that the browser can run the portal, says plainly what it lacks, and loads the program.
const root = document.documentElement;
const words = document.getElementById('boot-words');

// The smallest module with one SIMD instruction (i8x16.splat).
const simd = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

function lacking() {
  const list = [];
  if (typeof WebAssembly !== 'object' || typeof WebAssembly.instantiate !== 'function') list.push('WebAssembly');
  else if (!WebAssembly.validate(simd)) list.push('WebAssembly SIMD');
  if (typeof OffscreenCanvas !== 'function') list.push('OffscreenCanvas');
  if (typeof WebSocket !== 'function') list.push('WebSocket');
  if (typeof Worker !== 'function') list.push('web workers');
  return list;
}

function say(title, text) {
  document.title = `${title} · Saffron`;
  const heading = document.createElement('h1');
  heading.textContent = title;
  words.before(heading);
  words.setAttribute('role', 'alert');
  words.textContent = text;
}

const list = lacking();
if (list.length > 0) {
  say('This browser cannot run Saffron',
    `It lacks ${list.join(', ')}, which the screens of your machines need. Use a current Chromium, Chrome, Edge, Firefox or Safari. `
    + 'If it is current, a policy or an extension has switched this off.');
} else {
  import(root.dataset.module)
    .then((module) => module.default({ module_or_path: root.dataset.wasm }))
    .catch((error) => {
      // A portal that ends by a panic has already shown its own page.
      if (document.getElementById('boot')) {
        say('Saffron could not be loaded', `${error}. Reload the page; if that does not help, the server may be restarting.`);
      }
    });
}
