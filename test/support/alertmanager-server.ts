import { join } from 'node:path';
import { startServerProcess, type ServerPlace, type ServerProcess } from './server-process.ts';
import { requireServer, type ServerName } from './servers.ts';

export type AlertmanagerVersion = '0.34' | '0.25';

export interface AlertmanagerOptions extends ServerPlace {
  /** Its configuration, as YAML text; default: one route to one receiver that does nothing. */
  readonly config?: string;
  /** `--web.route-prefix`, such as `/alertmanager`; part of the returned url. */
  readonly routePrefix?: string;
  /** Default 0.34. */
  readonly version?: AlertmanagerVersion;
  /** More flags, each as `--name=value`. */
  readonly flags?: readonly string[];
}

/** The program of each version, for skipWithout. */
export const alertmanagerPrograms: Readonly<Record<AlertmanagerVersion, ServerName>> = {
  '0.34': 'alertmanager',
  '0.25': 'alertmanager-0.25',
};

const quietConfig = `
route: { receiver: reconcile, group_by: [alertname] }
receivers: [{ name: reconcile }]
`;

/** Starts a single real Alertmanager, which defines what a receiver must answer. */
export async function startAlertmanager(options: AlertmanagerOptions = {}): Promise<ServerProcess> {
  const { config = quietConfig, routePrefix = '', version = '0.34', flags = [] } = options;
  return startServerProcess({
    ...options,
    name: 'alertmanager',
    command: requireServer(alertmanagerPrograms[version]),
    files: { 'alertmanager.yml': config },
    args: (folder, address) => [
      `--config.file=${join(folder, 'alertmanager.yml')}`,
      `--storage.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      `--web.route-prefix=${routePrefix === '' ? '/' : routePrefix}`,
      '--cluster.listen-address=', // no gossip, no second port
      '--log.level=error',
      ...flags,
    ],
  });
}
