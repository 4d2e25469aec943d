import { join } from 'node:path';
import { stringify } from 'yaml';
import { startServerProcess, type ServerPlace, type ServerProcess } from './server-process.ts';
import { requireServer, type ServerName } from './servers.ts';

export type PrometheusVersion = '3.15' | '2.42';

export interface PrometheusOptions extends ServerPlace {
  /** A rule file, as YAML text; default: no rules. */
  readonly rules?: string;
  /** `host:port` of each target; the job `target` scrapes it every second. */
  readonly scrapeTargets?: readonly string[];
  /** `host:port` of each Alertmanager. */
  readonly alertmanagers?: readonly string[];
  /** Complete entries of `alerting.alertmanagers`, in addition to those. */
  readonly alertmanagerEntries?: readonly object[];
  /** `global.external_labels` */
  readonly externalLabels?: Readonly<Record<string, string>>;
  /** `alerting.alert_relabel_configs`: what happens to alerts before they are sent, and only there. */
  readonly alertRelabelConfigs?: readonly object[];
  /** `path_prefix` of the Alertmanagers, which precedes `/api/v2/alerts`. */
  readonly pathPrefix?: string;
  /** `--web.route-prefix` of Prometheus itself, such as `/prometheus`; part of the returned url. */
  readonly routePrefix?: string;
  /**
   * How often a firing alert is sent again, in Prometheus's notation; an alert ends four of these after its last push. Default: 5s,
   * not Prometheus's own minute: what fires before Prometheus has found its Alertmanagers, up to five seconds after its start, is
   * lost until it is sent again.
   */
  readonly resendDelay?: string;
  /** Default 3.15. */
  readonly version?: PrometheusVersion;
  /** Its `--web.config.file`, as YAML text; paths are relative to its folder. Needs {@link isReady} if it requires credentials. */
  readonly webConfig?: string;
  readonly scheme?: 'http' | 'https';
  readonly isReady?: (url: string) => Promise<boolean>;
  /** More flags, each as `--name=value`. */
  readonly flags?: readonly string[];
}

/** The program of each version, for skipWithout. */
export const prometheusPrograms: Readonly<Record<PrometheusVersion, ServerName>> = {
  '3.15': 'prometheus',
  '2.42': 'prometheus-2.42',
};

/**
 * Starts a real Prometheus that scrapes and evaluates every second: an alert without `for` is pushed one to three seconds
 * after its cause. Resolves when Prometheus is ready; its first scrape (and version 2.42's first push) comes five seconds later.
 */
export async function startPrometheus(options: PrometheusOptions = {}): Promise<ServerProcess> {
  const {
    rules = 'groups: []\n',
    routePrefix = '',
    resendDelay = '5s',
    version = '3.15',
    webConfig = '',
    flags = [],
  } = options;
  return startServerProcess({
    ...options,
    name: 'prometheus',
    command: requireServer(prometheusPrograms[version]),
    files: { 'prometheus.yml': stringify(configuration(options)), 'rules.yml': rules, 'web.yml': webConfig },
    args: (folder, address) => [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      `--web.route-prefix=${routePrefix === '' ? '/' : routePrefix}`,
      '--web.enable-lifecycle',
      ...(webConfig === '' ? [] : [`--web.config.file=${join(folder, 'web.yml')}`]),
      `--rules.alert.resend-delay=${resendDelay}`,
      ...flags,
    ],
  });
}

function configuration(options: PrometheusOptions): object {
  const { scrapeTargets = [], alertmanagers = [], alertmanagerEntries = [], pathPrefix = '/' } = options;
  const { externalLabels = {}, alertRelabelConfigs = [] } = options;
  const plain = { path_prefix: pathPrefix, static_configs: [{ targets: alertmanagers }] };
  return {
    global: { scrape_interval: '1s', evaluation_interval: '1s', external_labels: externalLabels },
    rule_files: ['rules.yml'],
    alerting: { alertmanagers: [plain, ...alertmanagerEntries], alert_relabel_configs: alertRelabelConfigs },
    scrape_configs: [{ job_name: 'target', static_configs: [{ targets: scrapeTargets }] }],
  };
}
