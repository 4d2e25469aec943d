import { join } from 'node:path';
import { startServerProcess, type ServerPlace, type ServerProcess } from './server-process.ts';
import { requireServer } from './servers.ts';

export interface AlertmanagerOptions extends ServerPlace {
  /** Its configuration, as YAML text; default: one route to one receiver that does nothing. */
  readonly config?: string;
  /** `--web.route-prefix`, such as `/alertmanager`; part of the url that is returned. */
  readonly routePrefix?: string;
  /** More flags, each as `--name=value`. */
  readonly flags?: readonly string[];
}

const quietConfig = `
route: { receiver: reconcile, group_by: [alertname] }
receivers: [{ name: reconcile }]
`;

/** Starts a real Alertmanager, alone: the oracle for what a receiver must answer. */
export async function startAlertmanager(options: AlertmanagerOptions = {}): Promise<ServerProcess> {
  const { config = quietConfig, routePrefix = '', flags = [] } = options;
  return startServerProcess({
    ...options,
    name: 'alertmanager',
    command: requireServer('alertmanager'),
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
