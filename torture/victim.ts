import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LogLines } from '../test/support/log-lines.ts';
import { startServerProcess, type ServerPlace, type ServerProcess } from '../test/support/server-process.ts';

export interface VictimOptions extends ServerPlace {
  /** The program to run; default `src/main.ts`. */
  readonly main?: string;
  /** Options for Node, before the program. */
  readonly nodeArgs?: readonly string[];
  readonly args?: readonly string[];
  readonly config?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: a folder that is removed when it stops. A given folder stays, and the next victim can use it again. */
  readonly storagePath?: string;
  /** Receives each line of output; default: {@link Victim.log} keeps it. */
  readonly onLine?: (line: string) => void;
}

/** The heap of the pod in `k8s/`: 60 % of 640 MiB. */
export const podHeap = '--max-old-space-size=384';

/** A Tocsin to be tortured. */
export interface Victim extends ServerProcess {
  readonly storagePath: string;
  readonly log: LogLines;
}

const root = fileURLToPath(new URL('..', import.meta.url));

/** Starts it with its default limits, and resolves when it is ready. */
export async function startVictim(options: VictimOptions = {}): Promise<Victim> {
  const { main = 'src/main.ts', nodeArgs = [], args = [], config } = options;
  const log = new LogLines();
  const storage = (folder: string): string => options.storagePath ?? join(folder, 'data');
  const server = await startServerProcess({
    name: 'torture',
    command: process.execPath,
    cwd: root,
    ...(options.dir !== undefined && { dir: options.dir }),
    ...(options.port !== undefined && { port: options.port }),
    ...(options.environment !== undefined && { environment: options.environment }),
    ...(config !== undefined && { files: { 'tocsin.yml': config } }),
    onLine: options.onLine ?? ((line) => log.add(line)),
    args: (folder, address) => [
      '--max-semi-space-size=16',
      ...nodeArgs,
      main,
      `--web.listen-address=${address}`,
      `--storage.path=${storage(folder)}`,
      '--log.format=json',
      ...(config === undefined ? [] : [`--config.file=${join(folder, 'tocsin.yml')}`]),
      ...args,
    ],
  });
  void server.child.exited.then(({ code, signal }) => log.end(`and it has ended (${code ?? signal})`));
  return { ...server, storagePath: storage(server.folder), log };
}
