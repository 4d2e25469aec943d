import type { GivenAlert, GivenSilence, Kept, SilenceStep } from './arbitrary-silences.ts';
import { assertOrder, type ListedSilence } from './silence-order.ts';
import { withoutNewEscapes } from './without-new-escapes.ts';

/** A server's answer to a step, and the state of its alerts and silences afterwards. */
export interface Seen {
  readonly answer: string;
  readonly alerts: string;
  readonly silences: readonly string[];
}

const minute = 60_000;
const json = { 'Content-Type': 'application/json' };
const paths = { silences: '/api/v2/silences', silence: '/api/v2/silence', alerts: '/api/v2/alerts' };

/** Takes steps on one server, and reports the results in words that are the same for every server. */
export class SilenceClient {
  readonly #url: string;
  readonly #batch: string;
  /** The start of the run; times are relative to it. */
  readonly #now: number;
  readonly #ids: string[] = [];

  constructor(url: string, batch: string, now: number) {
    this.#url = url;
    this.#batch = batch;
    this.#now = now;
  }

  async take(step: SilenceStep): Promise<Seen> {
    const answer = await this.#answer(step);
    const [alerts, current, ofBatch] = await Promise.all([
      this.#ask('GET', `${paths.alerts}?filter=batch=${this.#batch}`),
      this.#ask('GET', `${paths.silences}?expired=false`),
      this.#ask('GET', `${paths.silences}?filter=batch=${this.#batch}`),
    ]);
    return {
      answer: this.#plain(answer),
      alerts: this.#plain(alerts).replaceAll(
        /"silencedBy":\[([^\]]*)\]/g,
        (_, ids: string) => `"silencedBy":[${ids.split(',').toSorted().join()}]`,
      ),
      silences: [...this.#list(current), ...this.#list(ofBatch)],
    };
  }

  /** Keeps the silences of one run from affecting the next. */
  async expireAll(): Promise<void> {
    for (const id of this.#ids) await this.#ask('DELETE', `${paths.silence}/${id}`);
  }

  async #answer(step: SilenceStep): Promise<string> {
    switch (step.kind) {
      case 'create':
        return this.#post(this.#body(step.silence));
      case 'replace':
        return this.#replace(this.#idOf(step.which), step.silence, step.keep);
      case 'expire':
        return this.#ask('DELETE', `${paths.silence}/${this.#idOf(step.which)}`);
      case 'alerts': {
        const answer = await this.#ask(
          'POST',
          paths.alerts,
          step.alerts.map((alert) => this.#alert(alert)),
        );
        // Servers describe the problem of an alert in different words.
        return answer.slice(0, 3);
      }
      case 'list': {
        const filters = step.filters.map((filter) => `filter=${encodeURIComponent(filter.toWellFormed())}`);
        const answer = await this.#ask('GET', `${paths.silences}?expired=false&${filters.join('&')}${step.flags}`);
        return this.#list(answer).join('\n');
      }
    }
  }

  async #post(body: object): Promise<string> {
    const answer = await this.#ask('POST', paths.silences, body);
    const id = /^200 \{"silenceID":"([^"]*)"\}\n$/.exec(answer)?.[1];
    if (id !== undefined && !this.#ids.includes(id)) this.#ids.push(id);
    return answer;
  }

  async #replace(id: string, changes: Partial<GivenSilence>, keep: Kept): Promise<string> {
    const found = await this.#ask('GET', `${paths.silence}/${id}`);
    if (!found.startsWith('200 ')) return this.#post({ ...this.#body(changes), id });
    const before = JSON.parse(found.slice(4)) as ListedSilence;
    const { status: _, ...posted } = before;
    const body = { ...posted, ...this.#body(changes) };
    return this.#post({
      ...body,
      ...(keep.matchers && { matchers: before.matchers }),
      ...(keep.start !== undefined && { startsAt: this.#moved(before, keep.start.fromSecondMs) }),
    });
  }

  /** A start this far from the full second of the old one; for a silence that has begun, never a future start. */
  #moved({ startsAt, status }: ListedSilence, fromSecondMs: number): string {
    const before = Date.parse(startsAt);
    const moved = Math.floor(before / 1000) * 1000 + fromSecondMs;
    return new Date(status.state === 'pending' ? moved : Math.min(moved, before)).toISOString();
  }

  #body(given: Partial<GivenSilence>): object {
    const { matchers, ofBatch = true, startsAt, endsAt, ...rest } = given;
    const batch = ofBatch ? [{ name: 'batch', value: this.#batch, isRegex: false }] : [];
    return {
      ...rest,
      ...(matchers !== undefined && { matchers: [...matchers, ...batch] }),
      ...(startsAt !== undefined && { startsAt: this.#at(startsAt) }),
      ...(endsAt !== undefined && { endsAt: this.#at(endsAt) }),
    };
  }

  #alert({ labels, startsAt, endsAt }: GivenAlert): object {
    return {
      labels: { ...labels, batch: this.#batch },
      ...(startsAt !== undefined && { startsAt: this.#at(startsAt) }),
      ...(endsAt !== undefined && { endsAt: this.#at(endsAt) }),
    };
  }

  #at(ms: number): string {
    return new Date(this.#now + ms).toISOString();
  }

  #idOf(which: number): string {
    return this.#ids[which % (this.#ids.length + 1)] ?? '00000000-0000-4000-8000-000000000000';
  }

  /** The silences of an answer, each in words. Those whose order depends on when they arrived are checked and then sorted. */
  #list(answer: string): readonly string[] {
    if (!answer.startsWith('200 ')) return [this.#plain(answer)];
    const listed = JSON.parse(answer.slice(4)) as readonly ListedSilence[];
    assertOrder(listed);
    return listed.map((silence) => this.#plain(JSON.stringify(silence))).toSorted();
  }

  async #ask(method: string, path: string, body?: object): Promise<string> {
    const sent = body === undefined ? {} : { headers: json, body: JSON.stringify(body) };
    const answer = await fetch(this.#url + path, { method, ...sent });
    return `${answer.status} ${await answer.text()}`;
  }

  /** Replaces ids with names, and times during the run with a word for that. */
  #plain(text: string): string {
    const withNames = this.#ids.reduce((plain, id, index) => plain.replaceAll(id, `$${index}`), text);
    return withoutNewEscapes(withNames).replaceAll(/"(\d{4}-\d\d-\d\dT[\d:.]+Z)"/g, (whole, time: string) => {
      const since = Date.parse(time) - this.#now;
      // An alert without an end gets an end five minutes away.
      if (Math.abs(since - 5 * minute) < minute) return '"in 5 minutes"';
      return Math.abs(since) < minute ? '"now"' : whole;
    });
  }
}
