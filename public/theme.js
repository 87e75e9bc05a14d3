// Before the first paint: light or dark, so that nothing flashes; and which program this address
// wants, so that the browser fetches it while the page is still being read. The rest is start.js.
(() => {
  const root = document.documentElement;
  let kept = null;
  try { kept = localStorage.getItem('saffron-theme'); } catch { /* storage may be switched off */ }
  const dark = kept === 'dark' || (kept !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  root.classList.toggle('pf-v6-theme-dark', dark);

  // A machine's screen is a program of its own.
  if (location.pathname.endsWith('/console') && root.dataset.consoleModule) {
    root.dataset.module = root.dataset.consoleModule;
    root.dataset.wasm = root.dataset.consoleWasm;
  }
  const fetchSoon = (rel, href, more) => document.head.append(Object.assign(document.createElement('link'), { rel, href, ...more }));
  fetchSoon('modulepreload', root.dataset.module);
  fetchSoon('preload', root.dataset.wasm, { as: 'fetch', type: 'application/wasm', crossOrigin: 'anonymous' });
})();
