import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startAlertmanager } from '../test/support/alertmanager-server.ts';
import { startChild } from '../test/support/child-process.ts';
import { startServerProcess, type ServerProcess } from '../test/support/server-process.ts';
import { startTocsin, type TocsinOptions, type TocsinProcess } from '../test/support/tocsin-process.ts';

/** What is measured: Tocsin, what a user would run instead, and the lower bound. */
export const peerNames = ['tocsin', 'alertmanager', 'bare'] as const;
export type PeerName = (typeof peerNames)[number];

const bareServer = fileURLToPath(new URL('bare-server.ts', import.meta.url));

/** The bundle, as the image runs it; `npm run bench` builds it first. */
export const bundle = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** Starts each peer with its defaults, including the log level; Alertmanager logs a POST at debug only. */
export function startPeer(name: PeerName): Promise<ServerProcess> {
  switch (name) {
    case 'tocsin':
      return startBundle();
    case 'alertmanager':
      return startAlertmanager();
    case 'bare':
      return startServerProcess({
        name: 'bare',
        command: process.execPath,
        args: (_, address) => [bareServer, address.split(':')[1]!],
      });
  }
}

export function startBundle(options: TocsinOptions = {}): Promise<TocsinProcess> {
  return startTocsin({ main: bundle, ...options });
}

/** Starts the bundle once, as the build of the image does: it writes its compiled code some seconds after a start that found none. */
export async function compileBundle(): Promise<void> {
  const args = ['--max-semi-space-size=16', join(dirname(bundle), 'compile.js')];
  await (
    await startChild({ name: 'compile', command: process.execPath, args })
  ).exited;
}
