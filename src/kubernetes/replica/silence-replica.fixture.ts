import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { alwaysLeads, type Leadership } from '../../replica/leadership.ts';
import type { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { SliceSchedule } from '../../runtime/slices.ts';
import { SilenceKeeper, SilenceRoom } from '../../silence/silence-keeper.ts';
import { createSilenceMetrics, SilenceLines } from '../../silence/silence-report.ts';
import { SilenceWatch } from '../../silence/silence-watch.ts';
import type { Silence } from '../../silence/silence.ts';
import { Silences } from '../../silence/silences.ts';
import { Matcher } from '../../matcher/matcher.ts';
import type { ApiClient } from '../api/api-client.ts';
import { createReflectorMetrics } from '../watch/reflector-report.ts';
import { silenceLimits } from './silence-object.fixture.ts';
import { SilenceObjectReport } from './silence-object-report.ts';
import { SilenceObjects } from './silence-objects.ts';
import { SilenceUpkeep } from './silence-upkeep.ts';

interface ReplicaOptions {
  readonly client: Pick<ApiClient, 'call' | 'open'>;
  readonly clock: FakeClock;
  readonly limits?: object;
  readonly leadership?: Leadership;
  /** The memory for objects. */
  readonly maxBytes?: number;
}

/** What one replica has of silences, without HTTP. */
export async function startReplica(test: TestContext | undefined, options: ReplicaOptions) {
  const { client, clock, leadership = alwaysLeads } = options;
  const registry = new Registry();
  const logger = new RecordingLogger();
  const limits = { ...silenceLimits, retentionMs: 120 * 3_600_000, ...options.limits };
  const silences = new Silences(limits.retentionMs);
  const ended: string[] = [];
  const lines = new SilenceLines({ clock, logger, perSecond: () => 1000 });
  const onEnded = (all: readonly Silence[]): void => void ended.push(...all.map(({ id }) => id));
  const watch = new SilenceWatch({ clock, silences, lines, onEnded, onTold: () => undefined });
  const counted = (): ReturnType<Silences['count']> => silences.count(clock.now());
  const metrics = createSilenceMetrics(registry, () => undefined, counted);
  const common = { clock, logger, registry, silences, metrics, watch, limits: () => limits };
  const room = new SilenceRoom(common);
  const schedule = new SliceSchedule(clock);
  const report = new SilenceObjectReport({ ...common, invalid: () => objects.known.invalid });
  const objects: SilenceObjects = new SilenceObjects({
    ...common,
    schedule,
    client,
    report,
    metrics: createReflectorMetrics(registry),
    namespace: 'tocsin',
    namespaceLabel: () => 'namespace',
    onChange: () => upkeep.look(),
    ...(options.maxBytes !== undefined && { maxBytes: options.maxBytes }),
  });
  const warnings: string[] = [];
  const upkeep = new SilenceUpkeep({
    ...common,
    events: { warn: ({ name }, reason, note) => void warnings.push(`${name} ${reason}: ${note}`) },
    schedule,
    client,
    report,
    leadership,
    known: objects.known,
    retentionMs: () => limits.retentionMs,
    lookForRoom: () => objects.lookForRoom(),
    isCrowded: () => objects.isCrowded,
  });
  const keeper = new SilenceKeeper({ ...common, room, storage: objects });
  const sink = {
    get liveCount() {
      return silences.liveCount;
    },
    get liveBytes() {
      return silences.liveBytes;
    },
    get: (id: string) => silences.get(id),
    load: (kept: Parameters<SilenceWatch['load']>[0]) => void watch.load(kept),
    acceptForeign(silence: Silence) {
      watch.acceptForeign(silence);
      room.make();
    },
    gone: (id: string) => watch.gone(id),
  };
  const close = async (): Promise<void> => {
    watch.close();
    await upkeep.close();
    await objects.close();
  };
  test?.after(close);
  await objects.open(sink);
  return {
    silences,
    logger,
    registry,
    objects,
    ended,
    /** The Events about objects that are no silences. */
    warnings,
    close,
    events: () =>
      logger.lines
        .filter(({ event }) => event.startsWith('silence.'))
        .map(({ event, fields }) => `${event} ${String(fields['silence'] ?? fields['name'])}`),
    set(lengthMs: number, given: Partial<Silence> = {}): Promise<string> {
      const now = clock.now();
      const times = { startsAt: now, endsAt: now + lengthMs };
      const matchers = [new Matcher('job', 'node', '=')];
      return keeper.set({ id: '', matchers, ...times, createdBy: 'me', comment: 'c', annotations: {}, ...given }, 'r');
    },
    expire: (id: string) => keeper.expire(id, 'r'),
  };
}
