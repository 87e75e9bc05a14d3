// Starts the console's worker. What the page says before the module is compiled waits here.
import init from "/assets/console-worker.js";

const early = [];
self.onmessage = (event) => early.push(event);

init({ module_or_path: "/assets/console-worker_bg.wasm" }).then(
  () => {
    for (const event of early) self.onmessage(event);
  },
  (error) => {
    // The fields of FromWorker::State: phase "closed", no close code, the reason.
    self.postMessage(["state", 4, 0, `The console could not be started: ${error}`]);
  },
);
