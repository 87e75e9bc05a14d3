// What processes cost, from /proc: CPU time and memory.
import { readFileSync } from "node:fs";

/** Clock ticks of the kernel a second, as /proc tells CPU time: always 100 on Linux. */
const TICKS = 100;

/** Seconds of CPU, user's and system's, that a process has used; 0 if it is gone. */
export function cpuSeconds(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return 0;
  }
}

/** Bytes of memory that a process has resident; 0 if it is gone. */
export function memoryBytes(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** The processes of a browser by what they are for: { renderer: [pid…], gpu: […], browser: […] … }. */
export async function browserProcesses(session) {
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const kinds = {};
  for (const { type, id } of processInfo) (kinds[type] ??= []).push(id);
  return kinds;
}

/** CPU seconds of all processes of each kind. */
export async function browserCpu(session) {
  const kinds = await browserProcesses(session);
  const seconds = {};
  for (const [kind, pids] of Object.entries(kinds)) {
    seconds[kind] = pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  }
  return { seconds, kinds };
}

/** The average number of processes that wanted to run in the last minute. */
export function load() {
  return Number(readFileSync("/proc/loadavg", "utf8").split(" ")[0]);
}
