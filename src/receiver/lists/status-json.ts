import { stringify } from 'yaml';
import { formatDateTime } from '../../text/go/date-time.ts';
import { formatDuration } from '../../config/settings/duration.ts';
import { receiverName } from './alert-json.ts';
import { alertmanagerVersion, revisionOf } from './alertmanager-version.ts';

export interface StatusOptions {
  /** Of Tocsin. */
  readonly version: string;
  readonly startedAt: number;
  readonly resolveTimeoutMs: number;
  readonly groupBy: readonly string[];
}

/** What `GET /api/v2/status` shows, in the order of Alertmanager's keys. There is no cluster. */
export function statusJson(options: StatusOptions): unknown {
  return {
    cluster: { peers: [], status: 'disabled' },
    config: { original: configOf(options) },
    uptime: formatDateTime(options.startedAt),
    versionInfo: {
      branch: 'tocsin',
      buildDate: '',
      buildUser: '',
      goVersion: `node ${process.version}`,
      revision: revisionOf(options.version),
      version: alertmanagerVersion,
    },
  };
}

/** The configuration of an Alertmanager that does what Tocsin does, without keys that amtool 0.25 does not know. */
function configOf({ resolveTimeoutMs, groupBy }: StatusOptions): string {
  return stringify({
    global: { resolve_timeout: formatDuration(resolveTimeoutMs) },
    route: { receiver: receiverName, group_by: groupBy, continue: false },
    receivers: [{ name: receiverName }],
    templates: [],
  });
}
