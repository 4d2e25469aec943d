import { formatDuration } from '../config/settings/duration.ts';
import { comparedLabels } from '../drift/compared-labels.ts';
import type { ProblemName } from '../drift/problems.ts';
import type { Status } from '../explain/schema-status.ts';
import type { InspectedServer } from '../reconcile/server-inspection.ts';
import { ofEach, type Chain } from './chain.ts';
import { ok, problem, skipped, type Category, type Check, type Outcome } from './check.ts';
import {
  failedNotifications,
  notificationCounts,
  notificationQuery,
  seriesOfPage,
  seriesOfSamples,
  type Series,
} from './notifications.ts';
import { alertmanagerBase, probed } from './probe.ts';
import { isFed, resendDelay } from './received.ts';
import {
  addressesOf,
  anyTocsin,
  couldLeadHere,
  forwardedBy,
  instancesOf,
  ownAddresses,
  ownPort,
  ownTarget,
  targetProblem,
  targetsOf,
} from './targets.ts';

/** How full the queue of Prometheus may be, as a part of its capacity. A full one drops the oldest alerts. */
const maxQueueFill = 0.5;

/** The shortest time over which errors are counted, milliseconds. */
const minWindowMs = 15_000;

/** The labels by which Tocsin chooses pipelines. */
const choosingLabels = ['alertname', 'pipeline_name', 'pipeline_type'] as const;

/** Whether Prometheus sends its alerts here, whole. */
export function delivery(chain: Chain): Category {
  return {
    name: 'delivery',
    needs: ['prometheus'],
    whyNot: async () => ((await chain.servers()).length === 0 ? 'there is no Prometheus to ask' : undefined),
    checks: [...sending(chain), ...arriving(chain)],
  };
}

function sending(chain: Chain): readonly Check[] {
  return [
    {
      id: 'delivery-target',
      description: 'Tocsin is among the active Alertmanagers of Prometheus',
      fatal: true,
      retryable: true,
      surfacesProblem: true,
      run: ({ signal }) => target(chain, signal),
    },
    {
      id: 'delivery-errors',
      description: 'Prometheus sends its alerts here without errors',
      retryable: true,
      surfacesProblem: true,
      run: ({ signal }) => errors(chain, signal),
    },
    {
      id: 'delivery-queue',
      description: 'the queue of Prometheus has room',
      retryable: true,
      run: ({ signal }) => queue(chain, signal),
    },
  ];
}

function arriving(chain: Chain): readonly Check[] {
  return [
    {
      id: 'delivery-labels',
      description: 'the labels by which Tocsin chooses arrive as they are',
      warning: true,
      run: ({ signal }) => labels(chain, signal),
    },
    {
      id: 'delivery-drift',
      description: 'what fires in Prometheus is pushed here',
      retryable: true,
      run: () => drift(chain, 'alerts_not_pushed'),
    },
    {
      id: 'delivery-foreign',
      description: 'what is pushed here fires in Prometheus',
      warning: true,
      run: () => drift(chain, 'alerts_not_in_prometheus'),
    },
    {
      id: 'delivery-alertmanagers',
      description: 'the other Alertmanagers notify without failures',
      warning: true,
      run: ({ signal }) => otherAlertmanagers(chain, signal),
    },
  ];
}

async function target(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  chain.forgetProbes();
  const status = await chain.knownStatus();
  const own = status === undefined ? addressesOf(chain) : ownAddresses(status);
  const isOnly = (await chain.servers()).length === 1;
  const [told, unknown]: [string[], string[]] = [[], []];
  const found = await ofEach(chain, async (server) => {
    const targets = await targetsOf(chain, server, signal);
    const url = ownTarget(targets, server.address, own, instancesOf(status)) ?? anyTocsin(chain, targets);
    if (url !== undefined) {
      told.push(`${server.address} sends to ${url}`);
      return undefined;
    }
    if (couldLeadHere(targets, server.address, own)) {
      // While Tocsin does not answer, that is a hop of its own.
      if (status === undefined) return void unknown.push(server.address);
      // The name of a Service may lead here: then alerts have come. Of several servers, they may be those of another one.
      if (isFed(status, await resendDelay(server, signal)))
        return isOnly ? undefined : void unknown.push(server.address);
    }
    if (status !== undefined && forwardedBy(targets, status)) return undefined;
    return targetProblem(server.address, targets, ownPort(await server.flags(signal)));
  });
  if (found !== undefined) return chain.breaks('delivery', found);
  chain.mends('delivery');
  if (unknown.length === 0) return ok(...told);
  return skipped(
    `it is unknown whether the Alertmanagers of ${unknown.join(', ')} are it: ${whyUnknown(chain, status)}`,
  );
}

function whyUnknown({ source }: Chain, status: Status | undefined): string {
  if (source.tocsin === undefined) return 'no Tocsin is asked: give --url';
  if (status === undefined) return 'Tocsin does not answer';
  return 'none of them can be recognised from here, and what arrives may be of another Prometheus: run tocsin check in the pod of Tocsin, as with kubectl exec';
}

async function errors(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const status = await chain.knownStatus();
  if (status === undefined)
    return skipped('Tocsin does not answer, so that its errors are those of the category tocsin');
  const told: string[] = [];
  const found = await ofEach(chain, async (server) => {
    const targets = await targetsOf(chain, server, signal);
    const url = ownTarget(targets, server.address, ownAddresses(status), instancesOf(status)) ?? targets.active[0]!;
    const series = await notificationSeries(server, signal);
    if (series === undefined) return void told.push(noMetrics(server));
    const { errors: count, dropped } = notificationCounts(series, url);
    if (count + dropped === 0) return undefined;
    told.push(`since ${server.address} started, ${count} notifications to ${url} failed, and ${dropped} were dropped`);
    const resendMs = await resendDelay(server, signal);
    const recent = await recentErrors(server, url, resendMs, signal);
    // Without metrics about itself, only what arrives says whether it goes on.
    if (recent === undefined ? isFed(status, resendMs) : recent === 0) return undefined;
    return `Prometheus at ${server.address} fails to send to ${url} (since it started, ${count} failed and ${dropped} were dropped): its log says why, with component=notifier`;
  });
  if (found !== undefined) return chain.breaks('delivery', found);
  chain.mends('delivery');
  return ok(...told);
}

/** What Prometheus counts about what it sends: on its own page, or, behind a proxy that hides that, of what it has scraped of itself. */
async function notificationSeries(server: InspectedServer, signal: AbortSignal): Promise<Series | undefined> {
  const page = await server.metrics(signal).catch(() => undefined);
  if (page !== undefined) return seriesOfPage(page);
  const samples = await server.query(notificationQuery, signal).catch(() => []);
  return samples.length === 0 ? undefined : seriesOfSamples(samples);
}

function noMetrics({ address }: InspectedServer): string {
  return `${address} shows no metrics about itself, neither on its page /metrics nor in its data`;
}

/** The errors of the last two deliveries or so; undefined if this Prometheus does not scrape itself. */
async function recentErrors(
  server: InspectedServer,
  url: string,
  resendMs: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const window = formatDuration(Math.ceil(Math.max(minWindowMs, 2 * resendMs) / 1000) * 1000);
  const expression = `increase(prometheus_notifications_errors_total{alertmanager=${JSON.stringify(url)}}[${window}])`;
  const samples = await server.query(expression, signal).catch(() => []);
  return samples.length === 0 ? undefined : Math.max(...samples.map(({ value }) => value));
}

async function queue(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const told: string[] = [];
  const found = await ofEach(chain, async (server) => {
    const series = await notificationSeries(server, signal);
    if (series === undefined) return void told.push(noMetrics(server));
    const { active } = await server.alertmanagers(signal);
    const counts = active.map((url) => ({ url, ...notificationCounts(series, url) }));
    const full = counts.find(({ queued, capacity }) => capacity > 0 && queued > maxQueueFill * capacity);
    return full === undefined
      ? undefined
      : `${full.queued} alerts wait in Prometheus at ${server.address} for ${full.url}, of ${full.capacity} for which it has room: is an Alertmanager slow or gone?`;
  });
  return found === undefined ? ok(...told) : problem(found);
}

async function labels(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const told: string[] = [];
  const found = await ofEach(chain, async (server) => {
    const configuration = await server.configuration(signal);
    told.push(...comparedTold(server.address, configuration));
    const why = relabelled(configuration);
    return why === undefined ? undefined : `Prometheus at ${server.address} changes its alerts on the way: ${why}`;
  });
  return found === undefined ? ok(...told) : problem(found);
}

function comparedTold(address: string, configuration: string): readonly string[] {
  const { names } = comparedLabels([configuration], []);
  return names.size === 0 ? [] : [`${address} adds or rewrites the labels ${[...names].join(', ')}`];
}

/** Why alerts may arrive otherwise than they fire, with a meaning for Tocsin; undefined if they do not. */
export function relabelled(configuration: string): string | undefined {
  const { incomparable, dropped, isLeftOut } = comparedLabels([configuration], []);
  if (incomparable !== undefined)
    return `${incomparable}; see that alerts keep the labels ${choosingLabels.join(', ')}`;
  const changed = choosingLabels.filter(isLeftOut);
  if (changed.length > 0)
    return `external_labels or alert_relabel_configs write or drop ${changed.join(', ')}, by which Tocsin chooses pipelines`;
  return dropped === undefined ? undefined : `${dropped}: see that it does not drop those that Tocsin waits for`;
}

/** The running Tocsin compares the two itself. */
async function drift(chain: Chain, name: ProblemName): Promise<Outcome> {
  const problems = await chain.problems().catch(() => undefined);
  if (problems === undefined) return skipped('Tocsin does not answer');
  const found = problems.find((each) => each.name === name);
  return found === undefined ? ok() : chain.follows(`${found.message}: ${found.advice}`);
}

async function otherAlertmanagers(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const status = await chain.knownStatus();
  const own = status === undefined ? addressesOf(chain) : ownAddresses(status);
  const told: string[] = [];
  const found = await ofEach(chain, async (server) => {
    const targets = await targetsOf(chain, server, signal);
    const mine = ownTarget(targets, server.address, own, instancesOf(status));
    const others = [...targets.probes].filter(([url, { is }]) => url !== mine && is !== 'tocsin');
    const failing = others.map(async ([url, answers]) => {
      if (answers.is === 'alertmanager') told.push(`${url} is ${probed(answers)}`);
      const notSent = await notSentTo(server, url, signal);
      return notSent ?? (answers.is === 'alertmanager' ? failures(chain, url, signal) : undefined);
    });
    return (await Promise.all(failing)).filter((text) => text !== undefined);
  });
  if (found !== undefined) return problem(found);
  return told.length === 0 ? skipped('there is no other Alertmanager that can be asked from here') : ok(...told);
}

async function notSentTo(server: InspectedServer, url: string, signal: AbortSignal): Promise<string | undefined> {
  const recent = await recentErrors(server, url, await resendDelay(server, signal), signal);
  if (recent === undefined || recent === 0) return undefined;
  return `Prometheus at ${server.address} fails to send to ${url}, beside Tocsin: is that Alertmanager gone? Its log says why, with component=notifier`;
}

async function failures(chain: Chain, url: string, signal: AbortSignal): Promise<string | undefined> {
  const base = alertmanagerBase(url);
  const page = await chain.source.page(`${base}/metrics`, signal);
  if (page === undefined) return undefined;
  const failed = failedNotifications(page);
  if (failed.length === 0) return undefined;
  const each = failed.map(
    ({ integration, reason, count }) => `${count} of ${integration}${reason === '' ? '' : ` (${reason})`}`,
  );
  return `notifications of the Alertmanager at ${base} have failed since it started: ${each.join(', ')}; its log says why, such as a token that was rotated`;
}
