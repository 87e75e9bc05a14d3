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
  // Chromium aborts requests whenever a network interface comes or goes, and a failed import
  // is remembered by its address: so each try has an address of its own.
  const pauses = [300, 1000, 3000];
  let started = false;
  const compile = async (address) => {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`The server answered ${answer.status}`);
    return WebAssembly.compileStreaming(answer);
  };
  const load = async (attempt) => {
    try {
      const again = attempt > 0 ? `?again=${attempt}` : '';
      const [module, compiled] = await Promise.all([import(root.dataset.module + again), compile(root.dataset.wasm)]);
      started = true;
      await module.default({ module_or_path: compiled });
    } catch (error) {
      // A portal that ends by a panic has already shown its own page.
      if (started && !document.getElementById('boot')) return;
      if (!started && attempt < pauses.length) {
        await new Promise((done) => setTimeout(done, pauses[attempt]));
        await load(attempt + 1);
      } else {
        say('Saffron could not be loaded', `${error}. Reload the page; if that does not help, the server may be restarting.`);
      }
    }
  };
  load(0);
}
