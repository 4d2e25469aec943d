import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild, waitUntilReady, type Child, type ChildOptions } from './child-process.ts';
import { freePort } from './free-port.ts';

/** What every server of the tests can be told. */
export interface ServerPlace {
  /** Where its own temporary folder is made; default: the system's. */
  readonly dir?: string;
  /** Default: one that is free. The port of a server that was stopped, to start it again for the same clients. */
  readonly port?: number;
}

export interface ServerProcessOptions extends ServerPlace, Omit<ChildOptions, 'args'> {
  /** Files to write into the folder before it starts: name → text. */
  readonly files?: Readonly<Record<string, string>>;
  /** A path that the server puts before each of its own, such as `/prometheus`; default ''. */
  readonly routePrefix?: string;
  /** Default `http`. */
  readonly scheme?: 'http' | 'https';
  readonly args: (folder: string, address: string) => readonly string[];
  /** Whether it is ready, by its `/-/ready`; default: that answers with a 2xx to plain HTTP. */
  readonly isReady?: (url: string) => Promise<boolean>;
  /** How long that may take; default 20 s. */
  readonly readyWithinMs?: number;
}

export interface ServerProcess {
  /** `<scheme>://127.0.0.1:<port><route prefix>`, without a slash at its end. */
  readonly url: string;
  /** `127.0.0.1:<port>` */
  readonly address: string;
  readonly port: number;
  /** Its configuration and data; gone after {@link ServerProcess.stop}. */
  readonly folder: string;
  readonly child: Child;
  /** SIGTERM, then SIGKILL after 5 s; resolves when it has ended and its folder is gone. */
  stop(): Promise<void>;
}

/** Starts a server on the loopback with a folder of its own and waits until its `/-/ready` answers. */
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
