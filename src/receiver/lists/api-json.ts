import { stringify } from 'yaml';
import { Gauge, type Registry } from 'prom-client';
import type { Alert } from '../../alert/alert.ts';
import { formatDateTime } from '../../text/go/date-time.ts';
import { sortedNames, labelSetOf, type LabelSet } from '../../alert/labels.ts';
import { htmlSafe } from '../../text/go/quote.ts';
import type { Matcher } from '../../matcher/matcher.ts';
import { silenceState, type Silence } from '../../silence/silence.ts';
import { formatDuration } from '../../config/settings/duration.ts';

/** The name of the only receiver: for every alert, it reconciles. */
export const receiverName = 'reconcile';

const receivers = JSON.stringify([{ name: receiverName }]);

/**
 * An alert as the API shows it, in Alertmanager's order of keys. Times are in UTC: the sender's offset is not kept.
 * @param silencedBy the ids of the silences that it matches now
 */
export function alertJson(alert: Alert, silencedBy: readonly string[]): string {
  const { annotations, generatorURL, times } = alert;
  const { endsAt, startsAt, updatedAt } = times;
  const state = silencedBy.length > 0 ? 'suppressed' : 'active';
  const silences = JSON.stringify(silencedBy);
  const url = generatorURL === '' ? '' : `,"generatorURL":${JSON.stringify(generatorURL)}`;
  return htmlSafe(
    `{"annotations":${labelsJson(labelSetOf(annotations))},"endsAt":"${formatDateTime(endsAt)}","fingerprint":"${alert.fingerprint}",` +
      `"receivers":${receivers},"startsAt":"${formatDateTime(startsAt)}",` +
      `"status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":${silences},"state":"${state}"},` +
      `"updatedAt":"${formatDateTime(updatedAt)}"${url},"labels":${labelsJson(alert.labels)}}`,
  );
}

/** An object sorted by the bytes of its names. */
export function labelsJson(labels: LabelSet): string {
  const members = sortedNames(labels).map((name) => `${JSON.stringify(name)}:${JSON.stringify(labels[name])}`);
  return `{${members.join(',')}}`;
}

/** A silence as `GET` shows it: Alertmanager's gettableSilence, in Alertmanager's order of keys. */
export function silenceJson(silence: Silence, now: number): string {
  const { id, annotations, comment, createdBy, matchers, startsAt, endsAt, updatedAt } = silence;
  const annotated = Object.keys(annotations).length > 0 ? `"annotations":${labelsJson(annotations)},` : '';
  return htmlSafe(
    `{"id":"${id}","status":{"state":"${silenceState(silence, now)}"},"updatedAt":"${formatDateTime(updatedAt)}",` +
      `${annotated}"comment":${JSON.stringify(comment)},"createdBy":${JSON.stringify(createdBy)},` +
      `"endsAt":"${formatDateTime(endsAt)}","matchers":[${matchers.map(matcherJson).join(',')}],` +
      `"startsAt":"${formatDateTime(startsAt)}"}`,
  );
}

function matcherJson({ name, value, type }: Matcher): string {
  const isEqual = type === '=' || type === '=~';
  return JSON.stringify({ isEqual, isRegex: type === '=~' || type === '!~', name, value });
}

/** The replicas as Alertmanager names those of its cluster. */
export interface ClusterStatus {
  /** Of this replica. */
  readonly name?: string;
  readonly peers: readonly { readonly name: string; readonly address: string }[];
  /** `settling`: nobody leads yet. */
  readonly status: 'ready' | 'settling' | 'disabled';
}

/** There is one replica. */
export const noCluster: ClusterStatus = { peers: [], status: 'disabled' };

export interface StatusOptions {
  /** Tocsin's version. */
  readonly version: string;
  readonly startedAt: number;
  readonly resolveTimeoutMs: () => number;
  readonly groupBy: readonly string[];
  readonly cluster: () => ClusterStatus;
}

/** The answer of `GET /api/v2/status`, in Alertmanager's order of keys. */
export function statusJson(options: StatusOptions): unknown {
  return {
    cluster: options.cluster(),
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

/** The configuration of an Alertmanager that works like Tocsin, without keys that amtool 0.25 does not know. */
function configOf({ resolveTimeoutMs, groupBy }: StatusOptions): string {
  return stringify({
    global: { resolve_timeout: formatDuration(resolveTimeoutMs()) },
    route: { receiver: receiverName, group_by: groupBy, continue: false },
    receivers: [{ name: receiverName }],
    templates: [],
  });
}

/** The Alertmanager version of this contract: clients compare it with their own, or choose their protocol by it. */
const alertmanagerVersion = '0.34.2';

/** @param version Tocsin's version */
function revisionOf(version: string): string {
  return `tocsin ${version}`;
}

/** karma reads the version from this metric, and logs an error on each read if it is missing. */
export function createAlertmanagerVersionMetric(registry: Registry, version: string): void {
  new Gauge({
    registers: [registry],
    name: 'alertmanager_build_info',
    help: 'Which Alertmanager the API is that of, for clients that look here; the value is always 1.',
    labelNames: ['version', 'revision'],
  }).set({ version: alertmanagerVersion, revision: revisionOf(version) }, 1);
}
