import { fileURLToPath } from 'node:url';
import { startAlertmanager } from '../test/support/alertmanager-server.ts';
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
