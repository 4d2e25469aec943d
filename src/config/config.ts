import * as z from 'zod';
import { kymaGroup, kymaKindOf, kymaKinds } from '../reconcile/kyma-kinds.ts';
import { formatDuration } from './settings/duration.ts';
import { isAnnotationKey } from '../text/kubernetes.ts';
import { parseMatcher } from '../matcher/parse-matcher.ts';
import { readHttpUrl } from './settings/http-url.ts';
import { NotifySection } from './notify-section.ts';
import { PrometheusSection } from './prometheus-section.ts';
import { ReplicasSection } from './replicas-section.ts';
import { TenantsSection } from './tenants-section.ts';
import { StormSection, TriggersSection } from './triggers-section.ts';
import { listOf, secretSection, section, setting } from './settings/setting.ts';
import {
  orNull,
  readChoice,
  readCount,
  readCountOrZero,
  readDuration,
  readNames,
  readPath,
  readSize,
} from './settings/value-readers.ts';
import { WatchedKinds, type WatchedKind } from './watched-kinds.ts';
import type { Reader } from './settings/reader.ts';

/** The limit for a value. Kubernetes itself would accept 256 KiB for all annotations of an object. */
const maxValueLength = 256;

/** Reads the key of an annotation as Kubernetes checks it: `name` or `prefix/name`, with the prefix in any case. */
export const readAnnotationKey: Reader<string> = (found) =>
  typeof found === 'string' && isAnnotationKey(found)
    ? { value: found }
    : { allowed: "an annotation's key, as example.com/requested-at" };

/** Reads the value of an annotation: one short line. */
export const readAnnotationValue: Reader<string> = (found) => {
  const isValue = typeof found === 'string' && found.length <= maxValueLength && !/\p{Cc}/u.test(found);
  return isValue
    ? { value: found }
    : { allowed: `a text of one line of at most ${maxValueLength} characters, or null` };
};

interface Judged {
  readonly controller: { readonly action: string };
  readonly pipelines: { readonly kubernetes: { readonly kinds: readonly WatchedKind[] | null } };
}

/** The action `condition` writes what alerts mean, and only Kyma's kinds have rules for that. */
export const healthRulesExist = z.refine<Judged>((config) => withoutRules(config).length === 0, {
  path: ['pipelines', 'kubernetes', 'kinds'],
  error: ({ input }) => {
    const names = withoutRules(input as Judged).map((kind) => `${kind.resource}.${kind.group}`);
    const resources = kymaKinds.map(({ resource }) => resource).join(', ');
    return `found ${names.join(', ')}, allowed with controller.action condition: ${resources} of ${kymaGroup}, for which there are health rules; for other kinds take the action annotate or log`;
  },
});

function withoutRules({ controller, pipelines }: Judged): readonly WatchedKind[] {
  if (controller.action !== 'condition') return [];
  return (pipelines.kubernetes.kinds ?? []).filter((kind) => kymaKindOf(kind) === undefined);
}

interface Notifying {
  readonly controller: { readonly action: string };
  readonly notify: { readonly alertmanagers: readonly unknown[] };
}

/** Nobody could be told of a verdict that is never reached. */
export const verdictsExist = z.refine<Notifying>(
  ({ controller, notify }) => controller.action !== 'annotate' || notify.alertmanagers.length === 0,
  {
    path: ['notify', 'alertmanagers'],
    error:
      'found an Alertmanager beside controller.action annotate, which decides nothing that could be told; allowed: none, or the action condition or log',
  },
);

/** For what a timer of Node measures: it can wait up to 24.8 days, and a longer timer would fire at once. */
const readTimeout = readDuration('1ms', '1w');
/** For what is added to a time: the sum must still be a valid date. */
const readSpan = readDuration('1ms', '100y');
/** Like {@link readSpan}; 0 means never. */
const readSpanOrNever = readDuration('0s', '100y');

const readCountOrNull = orNull(readCount);

const maxWaitIsNotShorterThanWait = z.refine<{ readonly wait: number; readonly max_wait: number }>(
  ({ wait, max_wait }) => wait <= max_wait,
  {
    path: ['max_wait'],
    error: ({ input }) => {
      const { wait, max_wait } = input as { wait: number; max_wait: number };
      return `found "${formatDuration(max_wait)}", allowed: at least wait, which is "${formatDuration(wait)}"`;
    },
    // Without this, zod would not report it when another key of the section is wrong.
    when: ({ value }) => {
      const { wait, max_wait } = value as { wait: unknown; max_wait: unknown };
      return typeof wait === 'number' && typeof max_wait === 'number';
    },
  },
);

const readMatcher: Reader<string> = (found) => {
  const allowed = 'one matcher, as in alertname="Watchdog"';
  if (typeof found !== 'string') return { allowed };
  try {
    parseMatcher(found);
    return { value: found };
  } catch (error) {
    return { allowed: `${allowed} (${(error as Error).message})` };
  }
};
const readMatcherOrNull = orNull(readMatcher);

/** Reads one matcher or a list of them, which may be empty; always as a list. */
const readMatchers: Reader<readonly string[]> = (found) => {
  const matchers = Array.isArray(found) ? (found as readonly unknown[]) : found === null ? [] : [found];
  const readings = matchers.map(readMatcher);
  const refusal = readings.find((reading) => 'allowed' in reading);
  if (refusal === undefined) return { value: matchers as readonly string[] };
  return { allowed: refusal.allowed.replace(/^one matcher/, 'one matcher, a list of matchers, or null') };
};

const readAnnotationKeyOrNull = orNull(readAnnotationKey);
const readAnnotationValueOrNull = orNull(readAnnotationValue);

const keysDiffer = z.refine<{ readonly requested_at_key: string; readonly cause_key: string | null }>(
  ({ requested_at_key, cause_key }) => requested_at_key !== cause_key,
  { path: ['cause_key'], error: 'found the value of requested_at_key, allowed: another key, or null' },
);

const keys = secretSection({
  receiver: section({
    max_body_size: setting(readSize('1KiB', '256MiB'), '16MiB'),
    max_alerts: setting(readCount, 100_000),
    /** The memory limit for all stored alerts together, an estimate. */
    max_alerts_size: setting(readSize('1KiB'), '80MiB'),
    resolve_timeout: setting(readSpan, '5m'),
    /**
     * The same for alerts from webhooks: an Alertmanager repeats them only after its `repeat_interval` and `group_interval`, and this
     * has to be longer. The Alertmanager also reports when they are resolved.
     */
    webhook_resolve_timeout: setting(readSpan, '25h'),
    /** The labels by which `GET /api/v2/alerts/groups` groups alerts; `...` for all labels. */
    group_by: setting(readNames, ['alertname']),
    /** The most labels, or annotations, that one alert may have. */
    max_labels_per_alert: setting(readCount, 4096),
    /** Where silences are stored. `auto`: in the cluster if there are several replicas, otherwise in a file under `--storage.path`. */
    silence_storage: setting(readChoice(['auto', 'file', 'kubernetes']), 'auto'),
    max_silences: setting(readCount, 10_000),
    max_silence_size: setting(readSize('1KiB', '1MiB'), '64KiB'),
    /** How long a silence is remembered after its end. */
    silence_retention: setting(readSpan, '120h'),
    max_header_size: setting(readSize('1KiB', '1MiB'), '16KiB'),
    /** The most headers of one request. Prometheus sends 7, and some 20 through a proxy. */
    max_headers: setting(readCount, 100),
    header_timeout: setting(readTimeout, '10s'),
    request_timeout: setting(readTimeout, '30s'),
    idle_timeout: setting(readTimeout, '2m'),
    tls_handshake_timeout: setting(readTimeout, '10s'),
    max_connections: setting(readCount, 16_384),
    /** The memory limit for all connections together, an estimate: heads, bodies, TLS state, answers. */
    max_connection_memory: setting(readSize('1KiB'), '44MiB'),
    /** The URLs that lead a Prometheus here, if it has them among its Alertmanagers; none: Tocsin judges by its own addresses. */
    advertised_urls: listOf(readHttpUrl, { allowed: 'a list of http or https URLs' }),
    /** An alert that always fires. Null: Tocsin waits for none. */
    watchdog: section({
      matcher: setting(readMatcherOrNull, null),
      /** How long the alert may be absent. */
      after: setting(readTimeout, '5m'),
    }),
  }),
  source: section({
    debounce: section(
      { wait: setting(readDuration('0s', '1w'), '500ms'), max_wait: setting(readTimeout, '1s') },
      maxWaitIsNotShorterThanWait,
    ),
    channel: section({ capacity: setting(readCount, 1024) }),
    select: setting(readChoice(['all', 'labels']), 'all'),
    repeats: setting(readChoice(['trigger', 'ignore']), 'trigger'),
  }),
  /** The alerts that go first at every stage, whatever the others do. */
  lanes: section({
    /** All of them have to match; null or []: no alert goes first. Who may set the label is a matter of Prometheus' relabelling. */
    platform: setting(readMatchers, 'openshift_io_alert_source="platform"'),
    /** Workers that only these alerts use, beside those of `controller.max_concurrent_reconciles`. */
    reserved_workers: setting(readCountOrZero, 1),
  }),
  controller: section({
    action: setting(readChoice(['condition', 'annotate', 'log']), 'condition'),
    annotate: section(
      {
        requested_at_key: setting(readAnnotationKey, 'tocsin.dev/requested-at'),
        /** Null: the arrival time of the newest alert. */
        requested_at_value: setting(readAnnotationValueOrNull, null),
        /** Null: the cause is not written. */
        cause_key: setting(readAnnotationKeyOrNull, 'tocsin.dev/cause'),
      },
      keysDiffer,
    ),
    max_concurrent_reconciles: setting(readCount, 8),
    requeue_after: setting(readSpan, '5m'),
    /** How often every pipeline is reconciled again without a cause; 0 means never. */
    resync: setting(readSpanOrNever, '10m'),
    drain_timeout: setting(readTimeout, '20s'),
  }),
  prometheus: PrometheusSection,
  pipelines: section({
    /** The default is in the package, not in the working folder. */
    folder: setting(readPath, 'examples/pipelines'),
    /** The presence of this section in the file chooses Kubernetes, even if the section is empty. */
    kubernetes: section({
      /** Null: the three kinds of Kyma's telemetry module. */
      kinds: WatchedKinds,
      /**
       * Calls of the API server per second in the long run, and at once after a pause; named as in client-go. Null: Tocsin sets no limit
       * where the server shows that it shares fairly, and otherwise 20 and 30. A `burst` without `qps` changes only the 30.
       */
      qps: setting(readCountOrNull, null),
      burst: setting(readCountOrNull, null),
    }),
  }),
  history: section({
    /** How long facts are kept, in memory and on disk; 0: none are kept. */
    retention: setting(readSpanOrNever, '24h'),
    /** The limit for these facts in memory, and on disk. */
    max_size: setting(readSize('1MiB', '4GiB'), '64MiB'),
    /** How many of the last bodies are kept; 0: none. */
    payloads: setting(readCountOrZero, 100),
  }),
  notify: NotifySection,
  triggers: TriggersSection,
  storm: StormSection,
  replicas: ReplicasSection,
  tenants: TenantsSection,
  log: section({
    /** Lines about single alerts at info; further lines are written at debug. */
    alert_lines_per_second: setting(readCount, 50),
  }),
});

/**
 * The configuration file, key by key. Durations become milliseconds, sizes become bytes; a missing key has its default.
 * The defaults are in this file only. docs/configuration.md explains the keys to users.
 */
export const Config = keys.check(healthRulesExist, verdictsExist);

/** Has the structure of the file: snake_case keys, milliseconds, bytes. */
export type Config = z.infer<typeof Config>;
