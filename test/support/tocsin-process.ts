import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LogLines } from './log-lines.ts';
import { startServerProcess, type ServerPlace, type ServerProcess } from './server-process.ts';

export interface TocsinOptions extends ServerPlace {
  /** Whether it has started, by its `/-/ready`; default: when that answers with a 2xx. */
  readonly isReady?: (url: string) => Promise<boolean>;
  /** Flags besides the listen address, the storage path and the log's format. Paths are relative to the project's root. */
  readonly args?: readonly string[];
  /** `--storage.path`; default: a folder inside its own. */
  readonly storagePath?: string;
  /** The configuration file, as YAML text; default: none. */
  readonly config?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** `--web.route-prefix`, part of the returned url. */
  readonly routePrefix?: string;
  /** `--web.config.file`, as YAML text; default: none. With a `tls_server_config`, also set `scheme: 'https'`. */
  readonly webConfig?: string;
  readonly scheme?: 'http' | 'https';
  /** The program to run; default `src/main.ts`. */
  readonly main?: string;
}

export interface TocsinProcess extends ServerProcess {
  /** `--storage.path` */
  readonly storagePath: string;
  readonly log: LogLines;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Starts Tocsin as a user does, in a separate process, and resolves when it is ready. Its log is parsed as it arrives. */
export async function startTocsin(options: TocsinOptions = {}): Promise<TocsinProcess> {
  const { args = [], main = 'src/main.ts', routePrefix = '', config, webConfig } = options;
  const log = new LogLines();
  const server = await startServerProcess({
    ...options,
    name: 'tocsin',
    command: process.execPath,
    cwd: root,
    files: {
      ...(config !== undefined && { 'tocsin.yml': config }),
      ...(webConfig !== undefined && { 'web.yml': webConfig }),
    },
    // Over TLS, only the log can tell this to a client without a certificate.
    ...(options.scheme === 'https' && {
      isReady: () => Promise.resolve(log.all.some(({ event }) => event === 'app.ready')),
    }),
    onLine: (line) => log.add(line),
    args: (folder, address) => [
      // As in package.json and the Dockerfile.
      '--max-semi-space-size=16',
      main,
      `--web.listen-address=${address}`,
      ...(routePrefix === '' ? [] : [`--web.route-prefix=${routePrefix}`]),
      `--storage.path=${options.storagePath ?? storage(folder)}`,
      '--log.format=json',
      ...(config === undefined ? [] : [`--config.file=${join(folder, 'tocsin.yml')}`]),
      ...(webConfig === undefined ? [] : [`--web.config.file=${join(folder, 'web.yml')}`]),
      ...args,
    ],
  });
  void server.child.exited.then(({ code, signal }) => log.end(`and tocsin has ended (${code ?? signal})`));
  return { ...server, storagePath: options.storagePath ?? storage(server.folder), log };
}

function storage(folder: string): string {
  return join(folder, 'data');
}
