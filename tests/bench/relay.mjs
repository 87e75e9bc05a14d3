// The way of the peer's WebSockets to the drawing server. libspice-server 0.15 and later speaks
// WebSocket on its own port, which is the shortest way there is and what is measured unless asked
// otherwise; `websockify` is what most installations put before older servers.
import { spawn } from "node:child_process";
import { connect, createServer } from "node:net";

/** Opens the way; gives the port to connect to. */
export async function relay(settings, serverPort) {
  if (settings.relay !== "websockify") return { port: serverPort, pid: null, stop: () => {} };
  const port = await freePort();
  const child = spawn(settings.websockify, [`127.0.0.1:${port}`, `127.0.0.1:${serverPort}`], {
    stdio: "ignore",
  });
  for (let tries = 0; !(await listens(port)); tries++) {
    if (tries > 200 || child.exitCode !== null) throw new Error("websockify does not listen");
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return { port, pid: child.pid, stop: () => child.kill("SIGTERM") };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });
}
