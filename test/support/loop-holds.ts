import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { isMainThread } from 'node:worker_threads';

/** The interval of the checks, in milliseconds: the time between two of them is one turn of the event loop, plus at most this much. */
const lookMs = 5;

const socketName = 'LOOP_HOLDS_SOCKET';

/**
 * The environment that a process needs to measure how long it blocks its event loop.
 * @param socket where the process reports it: a path that does not exist
 */
export function holdsMeasured(socket: string, nodeOptions = ''): Readonly<Record<string, string>> {
  return { [socketName]: socket, NODE_OPTIONS: `${nodeOptions} --import=${import.meta.url}` };
}

/** The longest turn of its event loop since the last call, in milliseconds of the main thread's CPU: others' time does not count. */
export async function longestHold(socket: string): Promise<number> {
  return Number(await text(connect(socket)));
}

/** Runs in that process. */
function measure(socket: string): void {
  let longest = 0;
  let before = process.threadCpuUsage();
  setInterval(() => {
    const now = process.threadCpuUsage();
    longest = Math.max(longest, (now.user + now.system - before.user - before.system) / 1000);
    before = now;
  }, lookMs).unref();
  createServer((client) => {
    client.on('error', () => undefined).end(longest.toString());
    longest = 0;
  })
    .listen(socket)
    .unref();
}

const given = process.env[socketName];
if (given !== undefined && isMainThread) {
  // Not for its children, such as the plugin of a kubeconfig.
  delete process.env[socketName];
  measure(given);
}
