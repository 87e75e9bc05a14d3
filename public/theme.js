// Before the first paint: light or dark, so that nothing flashes. Everything else is start.js.
(() => {
  let kept = null;
  try { kept = localStorage.getItem('saffron-theme'); } catch { /* storage may be switched off */ }
  const dark = kept === 'dark' || (kept !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.classList.toggle('pf-v6-theme-dark', dark);
})();
