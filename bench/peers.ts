import { fileURLToPath } from 'node:url';
import { startAlertmanager } from '../test/support/alertmanager-server.ts';
import { startServerProcess, type ServerProcess } from '../test/support/server-process.ts';
import { startTocsin, type TocsinOptions, type TocsinProcess } from '../test/support/tocsin-process.ts';

/** Who is measured: ours, what a user would run instead, and the floor. */
export const peerNames = ['tocsin', 'alertmanager', 'bare'] as const;
export type PeerName = (typeof peerNames)[number];

const bareServer = fileURLToPath(new URL('bare-server.ts', import.meta.url));

/** The bundle, as the image runs it; `npm run bench` builds it first. */
export const bundle = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** Each with its defaults, log level included; Alertmanager logs nothing about a POST at any level but debug. */
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
