import { ExplainedAlert, type Effect, type Fact } from '../explain/schema.ts';
import { Alerts, Facts, Pipelines } from '../explain/schema-requests.ts';
import { equalMatcher, remedies, runRemedies, showPipeline } from '../explain/words.ts';
import { newId } from '../runtime/new-id.ts';
import { readDuration } from '../config/settings/value-readers.ts';
import { ApiError } from './client.ts';
import { command, exitDone, exitFailed, type Call } from './command.ts';
import { readLabels } from './names.ts';
import { endOf, nothingKept, runRow } from './reconcile.ts';
import { silenceText } from './what.ts';
import { waitFor } from './wait.ts';

const flags = {
  resolve: { name: 'resolve', help: 'End the alert afterwards, and follow that as well.' },
  timeout: {
    name: 'timeout',
    placeholder: 'DURATION',
    read: readDuration('1s', '1h'),
    help: 'How long each hop may take.',
    unit: 'duration',
    default: '30s',
  },
} as const;

const defaultTimeoutMs = 30_000;
/** An alert that nobody resolves ends by itself, milliseconds. */
const lastsMs = 300_000;

type TestCall = Call<typeof flags>;

/** `tocsin test-alert`: sends a marked alert through the real way, and tells of each hop. */
export const testAlert = command({ name: 'test-alert', flags, run: test });

async function test(call: TestCall): Promise<number> {
  const id = newId(4);
  const labels = { alertname: 'TocsinTest', tocsin_test: id, ...readLabels(call.words) };
  const hops = new Hops(call, labels);
  if (!(await hops.follow(`tocsin-test-${id}`, lastsMs))) return exitFailed;
  if (call.values.resolve === undefined) {
    call.output.line('The alert ends by itself in 5 minutes; --resolve ends it at once.');
    return exitDone;
  }
  return (await hops.follow(`tocsin-test-${id}-end`, 0)) ? exitDone : exitFailed;
}

/** One alert on its way: a line for each hop, until one fails. */
class Hops {
  readonly #call: TestCall;
  readonly #labels: Readonly<Record<string, string>>;
  #sentAt = 0;
  /** When the alert was sent first. */
  #startedAt: number | undefined;

  constructor(call: TestCall, labels: Readonly<Record<string, string>>) {
    this.#call = call;
    this.#labels = labels;
  }

  /** True if it came through. */
  async follow(requestId: string, lastsFor: number): Promise<boolean> {
    if (!(await this.#send(requestId, lastsFor))) return false;
    const effect = await this.#wait(() => this.#effect(requestId));
    if (effect === undefined) {
      const unknown = await nothingKept(this.#call.api);
      return this.#failed('received', unknown ?? 'no trace of it', 'see the log of Tocsin: tocsin tail');
    }
    this.#hop('received', effect.at, `request ${requestId}`);
    const { verdict, because, event_id: event } = effect;
    if ((verdict !== 'woke' && verdict !== 'merged') || event === undefined) return this.#stopped(effect);
    await this.#facts(event, because === undefined ? verdict : `${verdict}: ${because}`);
    const end = await this.#wait(() => endOf(this.#call.api, event));
    if (end === undefined)
      return this.#failed('finished', `event ${event} has not ended`, 'see what runs: tocsin tail, or raise --timeout');
    return this.#tellRuns(event, end);
  }

  async #send(requestId: string, lastsFor: number): Promise<boolean> {
    const { api, surroundings } = this.#call;
    this.#sentAt = surroundings.clock.now();
    this.#startedAt ??= this.#sentAt;
    // Without a start, an alert begins when it ends.
    const startsAt = new Date(this.#startedAt).toISOString();
    const endsAt = new Date(this.#sentAt + lastsFor).toISOString();
    const alert = { labels: this.#labels, annotations: { summary: 'A test by tocsin test-alert' }, startsAt, endsAt };
    try {
      const answer = await api.send('POST', '/api/v2/alerts', JSON.stringify([alert]), { 'X-Request-Id': requestId });
      if (answer.status >= 300) throw api.refused(answer);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.#failed('sent', error.message, undefined);
    }
    this.#hop('sent', new Date(this.#sentAt).toISOString(), `to ${api.shownUrl}`);
    return true;
  }

  /** What the history says of the request; it waits while the event is not known yet. */
  async #effect(requestId: string): Promise<Effect | undefined> {
    const { api } = this.#call;
    const filter = Object.entries(this.#labels).map(([name, value]) => equalMatcher(name, value));
    const { items } = await api.get(Alerts, '/alerts', { filter });
    const fingerprint = items[0]?.fingerprint;
    if (fingerprint === undefined) return undefined;
    const { effects } = await api.get(ExplainedAlert, `/alerts/${fingerprint}`, { limit: 10 });
    const found = effects.find((effect) => effect.request_id === requestId);
    return found?.verdict === 'woke' && found.event_id === undefined ? undefined : found;
  }

  async #stopped({ verdict, because = '', silences = [] }: Effect): Promise<false> {
    const silenced = await Promise.all(silences.map((id) => silenceText(this.#call.api, id)));
    return this.#failed(verdict.replaceAll('_', ' '), silenced.join('; ') || because, remedies[verdict]);
  }

  async #facts(event: string, verdict: string): Promise<void> {
    const { api } = this.#call;
    for (const [name, hop] of [
      ['event.emitted', 'event'],
      ['requests.enqueued', 'queued'],
    ] as const) {
      const find = async (): Promise<Fact | undefined> =>
        (await api.get(Facts, '/history', { event: name, event_id: event })).items[0];
      const fact = await this.#wait(find);
      if (fact === undefined) continue;
      const requests = fact['requests'];
      this.#hop(
        hop,
        fact.time,
        typeof requests === 'number' ? `${requests} reconcile requests` : `event ${event}, ${verdict}`,
      );
    }
  }

  async #tellRuns(event: string, end: Fact): Promise<boolean> {
    const { api } = this.#call;
    let isGood = true;
    for await (const { last_run: run } of api.items(Pipelines, '/pipelines')) {
      if (run === undefined || !run.event_ids.includes(event)) continue;
      const [pipeline, , told] = runRow(run);
      if (run.outcome === 'failed') {
        const remedy = run.because && runRemedies[run.because];
        isGood = this.#failed('run', `${showPipeline(run.pipeline)} ${told}`, remedy ?? `tocsin why ${pipeline}`);
      } else this.#hop('run', run.hops.finished ?? end.time, `${pipeline} ${told}`);
    }
    if (isGood) this.#hop('done', end.time, `${String(end['requests'])} looked at`);
    return isGood;
  }

  #wait<T>(look: () => Promise<T | undefined>): Promise<T | undefined> {
    const { values, surroundings } = this.#call;
    return waitFor(surroundings.clock, values.timeout ?? defaultTimeoutMs, look);
  }

  /** @param time by the clock of the server */
  #hop(hop: string, time: string, told: string): void {
    const ms = Date.parse(time) - this.#sentAt;
    this.#line(hop, `+${Math.max(0, Math.round(ms))} ms`, told, true);
  }

  #failed(hop: string, problem: string, remedy: string | undefined): false {
    this.#line(hop, 'FAILED', remedy === undefined ? problem : `${problem}; ${remedy}`, false);
    return false;
  }

  #line(hop: string, time: string, told: string, isGood: boolean): void {
    this.#call.output.step(hop, time, told, isGood ? 'green' : 'red');
  }
}
