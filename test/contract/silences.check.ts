import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { startAlertmanager } from '../support/alertmanager-server.ts';
import { sendExactly } from './exact-request.ts';
import { At, silenceCases, type SilenceCase } from './silences.cases.ts';

interface Outcome {
  readonly status: number | undefined;
  readonly type?: string | undefined;
  readonly cache?: string | undefined;
  readonly allow?: string | undefined;
  readonly body?: unknown;
}

/**
 * Sends every case to a new Alertmanager and to Tocsin, and compares the answers.
 * @param isSlow leaves out the cases that have to come within seconds
 */
export async function assertAsAlertmanager(t: TestContext, url: string, isSlow = false): Promise<void> {
  const cases = isSlow ? silenceCases.filter(({ name }) => !/^a (?:short|soon) one/.test(name)) : silenceCases;
  const alertmanager = await startAlertmanager();
  const startedAt = Date.now();
  const theirs = new Client(alertmanager.url, startedAt);
  const ours = new Client(url, startedAt);
  try {
    for (const row of cases) {
      const due = startedAt + (row.waitMs ?? 0) + 500;
      if (row.waitMs !== undefined) await setTimeout(Math.max(0, due - Date.now()));
      const [expected, actual] = [await theirs.ask(row), await ours.ask(row)];
      await t.test(row.name, () => assertSame(row, expected, actual));
    }
  } finally {
    await alertmanager.stop();
  }
}

function assertSame({ differs }: SilenceCase, expected: Outcome, actual: Outcome): void {
  if (differs === undefined) return assert.deepEqual(actual, expected);
  assert.equal(expected.status, differs.closes ? undefined : differs.status, differs.why);
  assert.equal(actual.status, 400);
}

/** Sends the cases to one server, and normalises what differs from run to run. */
class Client {
  readonly #url: string;
  readonly #startedAt: number;
  readonly #ids = new Map<string, string>();

  constructor(url: string, startedAt: number) {
    this.#url = url;
    this.#startedAt = startedAt;
  }

  async ask({ name, method = 'POST', path = '/api/v2/silences', headers, sent }: SilenceCase): Promise<Outcome> {
    const body = typeof sent === 'object' ? this.#body(sent) : sent;
    const answer = await sendExactly(this.#url, {
      method,
      path: this.#withIds(path),
      headers: headers ?? (body === undefined ? {} : { 'Content-Type': 'application/json' }),
      body,
    });
    if (answer === undefined) return { status: undefined };
    const text = answer.body.toString();
    const posted = /^\{"silenceID":"([^"]*)"\}\n$/.exec(text);
    // A silence that was changed keeps the name under which it was made.
    if (posted !== null && ![...this.#ids.values()].includes(posted[1]!)) this.#ids.set(name, posted[1]!);
    return {
      status: answer.status,
      type: answer.headers['content-type'],
      cache: answer.headers['cache-control'],
      allow: answer.headers.allow?.split(/, ?/).toSorted().join(),
      body: this.#plain(text),
    };
  }

  #body(given: Readonly<Record<string, unknown>>): string {
    const silence = {
      matchers: [{ name: 'a', value: 'b', isRegex: false }],
      startsAt: new At(0),
      endsAt: new At(3_600_000),
      createdBy: 'me',
      comment: 'c',
      ...given,
    };
    return JSON.stringify(silence, (_, value: unknown) => {
      if (value instanceof At) return new Date(this.#startedAt + value.ms).toISOString();
      return typeof value === 'string' && value.startsWith('$') ? this.#withIds(value) : value;
    });
  }

  #withIds(text: string): string {
    return text.replace(/\$([^/]*)/, (_, name: string) => this.#ids.get(name) ?? assert.fail(`no id of ${name}`));
  }

  /** Replaces ids with names and the present time with a word, sorts allowed methods, and removes the text of Go's JSON decoder. */
  #plain(text: string): unknown {
    let plain = text.replaceAll(/"(\d{4}-[^"]*Z)"/g, (whole, time: string) => this.#time(whole, time));
    for (const [name, id] of this.#ids) plain = plain.replaceAll(id, `$${name}`);
    plain = plain.replace(
      /\[(\w+(?:,\w+)*)\] are/,
      (_, methods: string) => `[${methods.split(',').toSorted().join()}] are`,
    );
    plain = plain.replace(/(failed, because ).*/, '$1…"}').replace(/(are allowed);.*"\}/, '$1"}');
    if (!plain.startsWith('[{')) return plain;
    // Silences with the same end have no defined order.
    return plain
      .slice(1, -2)
      .split(/,(?=\{"id")/)
      .toSorted();
  }

  #time(whole: string, time: string): string {
    const since = Date.parse(time) - this.#startedAt;
    return since > -1000 && since < 600_000 && ![0, 8000].includes(since) ? '"now"' : whole;
  }
}
