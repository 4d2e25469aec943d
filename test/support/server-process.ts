import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild, waitUntilReady, type Child, type ChildOptions } from './child-process.ts';
import { freePort } from './free-port.ts';

/** Options that every server of the tests has. */
export interface ServerPlace {
  /** The parent of its temporary folder; default: the system's. */
  readonly dir?: string;
  /** Default: a free port. The port of a stopped server restarts that server for the same clients. */
  readonly port?: number;
}

export interface ServerProcessOptions extends ServerPlace, Omit<ChildOptions, 'args'> {
  /** Files to write into the folder before it starts: name → text. */
  readonly files?: Readonly<Record<string, string>>;
  /** A path that precedes each of the server's paths, such as `/prometheus`; default ''. */
  readonly routePrefix?: string;
  /** Default `http`. */
  readonly scheme?: 'http' | 'https';
  readonly args: (folder: string, address: string) => readonly string[];
  /** Whether it is ready, by its `/-/ready`; default: when that answers plain HTTP with a 2xx. */
  readonly isReady?: (url: string) => Promise<boolean>;
  /** The time limit for that; default 60 s. */
  readonly readyWithinMs?: number;
}

export interface ServerProcess {
  /** `<scheme>://127.0.0.1:<port><route prefix>`, without a trailing slash. */
  readonly url: string;
  /** `127.0.0.1:<port>` */
  readonly address: string;
  readonly port: number;
  /** Its configuration and data; removed by {@link ServerProcess.stop}. */
  readonly folder: string;
  readonly child: Child;
  /** SIGTERM, then SIGKILL after 10 s; resolves when it has ended and its folder is removed. */
  stop(): Promise<void>;
}

/** Starts a server on the loopback with its own folder and waits until its `/-/ready` answers. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const { dir = tmpdir(), files = {}, routePrefix = '', scheme = 'http' } = options;
  const port = options.port ?? (await freePort());
  const address = `127.0.0.1:${port}`;
  const url = `${scheme}://${address}${routePrefix}`;
  const folder = await mkdtemp(join(dir, `${options.name}-`));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const child = await startReady({ ...options, args: options.args(folder, address) }, `${url}/-/ready`, options);
    const stop = async (): Promise<void> => {
      await child.stop();
      await remove(folder);
    };
    return { url, address, port, folder, child, stop };
  } catch (error) {
    await remove(folder);
    throw error;
  }
}

async function startReady(
  options: ChildOptions,
  readyUrl: string,
  { isReady, readyWithinMs }: Pick<ServerProcessOptions, 'isReady' | 'readyWithinMs'>,
): Promise<Child> {
  const child = await startChild(options);
  try {
    await waitUntilReady(child, readyUrl, readyWithinMs, isReady);
    return child;
  } catch (error) {
    await child.stop();
    throw error;
  }
}

async function remove(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}
