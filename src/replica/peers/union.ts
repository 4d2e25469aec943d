import * as z from 'zod';
import { Alert, type AlertTimes } from '../../alert/alert.ts';
import type { AlertStore } from '../../alert/alert-store.ts';
import { labelKey, LabelsInJson } from '../../alert/labels.ts';
import { inSlices, Slices, type Sliced, type SliceSchedule } from '../../runtime/slices.ts';
import { parseDateTime } from '../../text/go/date-time.ts';
import { AlertDigests, digestType } from './alert-digest.ts';
import { compareVersions, mergeAlerts } from './merge.ts';
import type { Peer, Peers } from './peers.ts';

/** How long a read waits for the other replicas, milliseconds. */
export const unionMs = 500;

/** The reads that hold the answers of peers at once; further ones wait for their turn. */
export const openUnions = 2;

/** An alert as {@link alertLine} writes it. Members that a later version adds are ignored. */
const Line = z.object({
  labels: LabelsInJson,
  annotations: LabelsInJson.default({}),
  startsAt: z.string(),
  endsAt: z.union([z.string(), z.number()]).optional(),
  generatorURL: z.string().default(''),
  updatedAt: z.number(),
  timeout: z.boolean().default(false),
});

export interface UnionOptions {
  readonly schedule: SliceSchedule;
  readonly peers: Pick<Peers, 'others'>;
  readonly store: Pick<AlertStore, 'all'>;
  /** The query that names the tenant; `''` without tenants. */
  readonly tenant: string;
  readonly onMissing: (peers: readonly string[], error: unknown) => void;
}

export interface Union {
  /** Each alert once, those that have ended included. */
  readonly alerts: Iterable<Alert>;
  /** The names of the replicas that did not answer in time. */
  readonly missing: readonly string[];
}

/**
 * The alerts of all replicas. The others are given digests of those that are here, and answer with what is different, so that a read costs
 * little where Prometheus pushes to all. They answer from their own store alone.
 */
export async function unionOfAlerts(options: UnionOptions): Promise<Union> {
  const { peers, schedule, store } = options;
  const { others } = peers;
  if (others.length === 0) return { alerts: store.all(), missing: [] };
  const slices = new Slices(schedule, 'lists');
  const known = [...store.all()];
  const digests = (await inSlices(AlertDigests.of(known), slices)).bytes;
  const asked = await Promise.allSettled(others.map((peer) => ask(peer, digests, options)));
  const answers = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const missing = others.filter((_, index) => asked[index]!.status === 'rejected').map(({ name }) => name);
  const firstError = asked.find((each) => each.status === 'rejected')?.reason as unknown;
  if (missing.length > 0) options.onMissing(missing, firstError);
  const foreign = await inSlices(mergeAlerts(answers), slices);
  if (foreign.size === 0) return { alerts: store.all(), missing };
  return { alerts: { [Symbol.iterator]: () => withOwn(store, foreign) }, missing };
}

async function ask(peer: Peer, digests: Buffer, options: UnionOptions): Promise<readonly Alert[]> {
  if (!peer.isUp) throw new Error(`${peer.name} does not answer`);
  return unlikeAlerts(peer, digests, { ...options, timeoutMs: unionMs });
}

export interface UnlikeOptions extends Pick<UnionOptions, 'schedule' | 'tenant'> {
  readonly timeoutMs: number;
}

/** The alerts of one replica that are not as the digests say. */
export async function unlikeAlerts(peer: Peer, digests: Buffer, options: UnlikeOptions): Promise<readonly Alert[]> {
  const { schedule, tenant, timeoutMs } = options;
  const body = { type: digestType, content: digests };
  const path = tenant === '' ? 'unlike' : `unlike?${tenant}`;
  const text = await peer.call({ method: 'POST', path, body, timeoutMs });
  return inSlices(readLines(text), new Slices(schedule, 'lists'));
}

function* readLines(text: string): Sliced<readonly Alert[]> {
  const alerts: Alert[] = [];
  for (let from = 0, end = text.indexOf('\n'); end >= 0; from = end + 1, end = text.indexOf('\n', from)) {
    if (alerts.length % 16 === 0) yield;
    alerts.push(readLine(text.slice(from, end)));
  }
  return alerts;
}

function readLine(line: string): Alert {
  const { labels, annotations, generatorURL, ...rest } = Line.parse(JSON.parse(line));
  const times: AlertTimes = {
    startsAt: timeOf(rest.startsAt),
    endsAt: timeOf(rest.endsAt ?? rest.startsAt),
    updatedAt: rest.updatedAt,
    timeout: rest.timeout,
  };
  return new Alert({ key: labelKey(labels), labels, annotations, generatorURL }, times);
}

function timeOf(time: string | number): number {
  const ms = typeof time === 'number' ? time : parseDateTime(time);
  if (ms === undefined) throw new Error(`a peer gave a time that is none: ${time}`);
  return ms;
}

/** The own alerts as they are when their turn comes. */
function* withOwn(store: Pick<AlertStore, 'all'>, foreign: ReadonlyMap<string, Alert>): Generator<Alert, void> {
  const older = new Set<string>();
  for (const own of store.all()) {
    const other = foreign.get(own.key);
    if (other === undefined) yield own;
    else if (compareVersions(own, other) >= 0) {
      older.add(own.key);
      yield own;
    }
  }
  for (const [key, alert] of foreign) if (!older.has(key)) yield alert;
}
