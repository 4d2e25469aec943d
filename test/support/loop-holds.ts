import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { isMainThread } from 'node:worker_threads';

/** How often it is looked, milliseconds: what lies between two looks is one turn of the event loop, and so much more at most. */
const lookMs = 5;

const socketName = 'LOOP_HOLDS_SOCKET';

/**
 * What a process needs in its environment to measure how long it holds its event loop.
 * @param socket where it tells it: a path that does not exist
 */
export function holdsMeasured(socket: string, nodeOptions = ''): Readonly<Record<string, string>> {
  return { [socketName]: socket, NODE_OPTIONS: `${nodeOptions} --import=${import.meta.url}` };
}

/** The longest turn of its event loop since the last call, milliseconds of CPU of its main thread: what others take from it does not count. */
export async function longestHold(socket: string): Promise<number> {
  return Number(await text(connect(socket)));
}

/** In that process. */
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
