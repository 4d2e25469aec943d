import { mkdtemp, open, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { answers } from '../../src/explain/schema-requests.ts';
import type { Fact } from '../../src/explain/schema.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult } from '../fault.ts';
import { Random } from '../random.ts';
import { startVictim, type Victim } from '../victim.ts';

/** This many kills on one storage folder, then on a new one. */
const timesPerStorage = 10;

/** A kill loses what came within a second. On a machine that is busy, a write begins later and takes longer, as answers do. Milliseconds. */
const mayLoseMs = 1000;
const writeTakesMs = 300;

/** Senders at once, and how long each rests between two requests: fewer a second than the history keeps. */
const senders = 3;
const restMs = 8;

export const historyKilled: Fault = {
  name: 'kill -9, and what history has',
  // The broken guard loses several seconds.
  guard: { file: 'history/history.ts', from: 'const writeMs = 1000;', to: 'const writeMs = 10_000;' },
  async run(options) {
    const tally = new Tally();
    const times = options.quick ? timesPerStorage : 200;
    for (let done = 0; done < times; done += timesPerStorage)
      await killAgainAndAgain(options, new Random(done), tally, done);
    return tally.result satisfies FaultResult;
  },
};

async function killAgainAndAgain({ main }: FaultOptions, random: Random, tally: Tally, first: number): Promise<void> {
  const storagePath = await mkdtemp(join(tmpdir(), 'torture-history-'));
  const start = (): Promise<Victim> => startVictim({ storagePath, ...(main !== undefined && { main }) });
  let victim = await start();
  try {
    for (let time = first; time < first + timesPerStorage; time++)
      await tally.try(`time ${time}`, async () => {
        const since = new Date().toISOString();
        const load = new Load(victim.url, `r${time}`);
        await setTimeout(random.between(20, 2500));
        const killedAt = performance.now();
        victim.child.kill('SIGKILL');
        await load.stop();
        await victim.stop();
        if (random.once(2)) await damage(join(storagePath, 'history'), random);
        const damaged = await damagedLines(join(storagePath, 'history'));
        const startedAt = performance.now();
        victim = await start();
        const facts = await receivedSince(victim.url, since);
        const recoverMs = performance.now() - startedAt;
        await check({ load, killedAt, facts, damaged, victim }, tally);
        return recoverMs;
      });
  } finally {
    await victim.stop();
    await rm(storagePath, { recursive: true, force: true });
  }
}

/** How long a line of the log may take to come, milliseconds. */
const maxLineMs = 5000;

function isDamage({ event }: { readonly event: string }): boolean {
  return event === 'history.damaged';
}

interface Found {
  readonly load: Load;
  readonly killedAt: number;
  readonly facts: readonly Fact[];
  readonly damaged: number;
  readonly victim: Victim;
}

async function check({ load, killedAt, facts, damaged, victim }: Found, tally: Tally): Promise<void> {
  tally.lost(`alerts that were refused: ${load.refused[0]}`, load.refused.length);
  const kept = new Set(facts.map((fact) => fact['request_id']));
  const oldMs = mayLoseMs + writeTakesMs + 3 * load.slowestMs;
  const old = [...load.answered].filter(([id, at]) => !kept.has(id) && killedAt - at > oldMs);
  tally.lost(
    `requests of ${old.map(([, at]) => Math.round(killedAt - at))[0]} ms before the kill, allowed: ${Math.round(oldMs)}`,
    old.length,
  );
  const disorder = facts.filter(({ id }, index) => index > 0 && id >= facts[index - 1]!.id);
  tally.lost('facts out of order', disorder.length);
  // The answer may be here before the line, which comes through another pipe.
  if (damaged > 0) await victim.log.waitForLine(isDamage, maxLineMs).catch(() => undefined);
  const told = victim.log.all.filter(isDamage).map((line) => line['lines']);
  const expected = damaged === 0 ? [] : [damaged];
  if (JSON.stringify(told) !== JSON.stringify(expected))
    tally.lost(`what is damaged: told ${JSON.stringify(told)}, and it is ${damaged}`);
  const errors = victim.log.all.filter(({ level }) => level === 'error');
  tally.lost(`errors after the restart: ${JSON.stringify(errors[0])}`, errors.length);
}

/** Posts alerts, new and known ones, until the process is dead. */
class Load {
  /** The requests that were answered with a 200, and when. */
  readonly answered = new Map<string, number>();
  readonly refused: string[] = [];
  slowestMs = 0;
  readonly #sending: Promise<unknown>;
  #isOver = false;

  constructor(url: string, prefix: string) {
    this.#sending = Promise.all(Array.from({ length: senders }, (_, sender) => this.#send(url, `${prefix}-${sender}`)));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#sending;
  }

  async #send(url: string, prefix: string): Promise<void> {
    for (let count = 0; !this.#isOver; count++) {
      const id = `${prefix}-${count}`;
      const headers = { 'Content-Type': 'application/json', 'X-Request-Id': id };
      const body = JSON.stringify([{ labels: { alertname: 'Load', n: String(count % 50) } }]);
      const sentAt = performance.now();
      try {
        const response = await fetch(`${url}/api/v2/alerts`, { method: 'POST', headers, body });
        await response.arrayBuffer();
        this.slowestMs = Math.max(this.slowestMs, performance.now() - sentAt);
        if (response.status === 200) this.answered.set(id, performance.now());
        else this.refused.push(`${id}: ${response.status}`);
      } catch (error) {
        if (!this.#isOver) this.refused.push(`${id}: ${String(error)}`);
        return;
      }
      await setTimeout(restMs);
    }
  }
}

/** Every `alerts.received` since then, the newest first. */
async function receivedSince(url: string, since: string): Promise<readonly Fact[]> {
  const facts: Fact[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined;) {
    const query: string = `event=alerts.received&limit=1000&since=${since}${cursor}`;
    const answer = await fetch(`${url}/api/tocsin/v1/history?${query}`);
    const { items, next } = answers.Facts.parse(await answer.json());
    facts.push(...items);
    cursor = next === undefined ? undefined : `&cursor=${next}`;
  }
  return facts;
}

/** Does to the last line what a crash of the machine, or a hand, may do: cuts it off, or leaves zeros in its place. */
async function damage(folder: string, random: Random): Promise<void> {
  const names = (await readdir(folder).catch(() => [])).toSorted();
  const path = join(folder, names.at(-1) ?? '');
  const text = names.length === 0 ? '' : await readFile(path, 'latin1');
  if (text.length === 0) return;
  const from = text.lastIndexOf('\n', text.length - 2) + 1;
  const at = random.between(from + 1, text.length - 2);
  if (random.once(2)) return truncate(path, at);
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(text.length - 1 - at), 0, text.length - 1 - at, at);
  await file.close();
}

/** The lines that are no JSON. */
async function damagedLines(folder: string): Promise<number> {
  let damaged = 0;
  for (const name of await readdir(folder).catch(() => []))
    for (const line of (await readFile(join(folder, name), 'utf8')).split('\n'))
      if (line !== '' && !isJson(line)) damaged++;
  return damaged;
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}
