import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setTimeout } from 'node:timers/promises';
import { LogLines } from '../support/log-lines.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';
import { temporaryFolder } from '../../src/runtime/temporary-folder.fixture.ts';

/** `npm run replay` raises it. */
const kills = Number(process.env['REPLAY_KILLS'] ?? 4);
const operations = Number(process.env['REPLAY_OPERATIONS'] ?? 500);
const seed = Number(process.env['REPLAY_SEED'] ?? 1);

const senders = 8;
const root = fileURLToPath(new URL('../..', import.meta.url));

/** What is known of a silence, whose comment names its version. */
interface Known {
  /** The version that was acknowledged last. */
  comment: string;
  expired: boolean;
  /** Versions that were requested and never acknowledged; each of them may exist, complete. */
  readonly unanswered: { readonly comment?: string; readonly expired?: true }[];
}

interface Listed {
  readonly id: string;
  readonly comment: string;
  readonly createdBy: string;
  readonly status: { readonly state: string };
  readonly matchers: readonly { readonly value: string }[];
}

describe(`Tocsin, killed ${kills} times in ${operations} changes of silences`, () => {
  it('has every silence that it acknowledged, and none by half', { timeout: 3_600_000 }, async (t) => {
    const storage = await temporaryFolder(t, 'tocsin-killed');
    const known = new Map<string, Known>();
    const ids: string[] = [];
    const random = generator(seed);
    let sent = 0;
    let slowestStartMs = 0;
    for (let life = 0; life <= kills; life++) {
      const log = new LogLines();
      const startedAt = performance.now();
      const server = await start(storage, log);
      slowestStartMs = Math.max(slowestStartMs, performance.now() - startedAt);
      try {
        await check(server.url, known);
        assert.deepEqual(
          log.all.filter(({ event }) => event === 'silences.damaged'),
          [],
        );
        const upTo = Math.round((operations * (life + 1)) / (kills + 1));
        const killed = new AbortController();
        const sending = Array.from({ length: senders }, async () => {
          while (!killed.signal.aborted && sent < upTo) {
            sent++;
            await change(server.url, known, ids, random);
          }
        });
        if (life < kills) {
          // At any moment of the work: some requests are running, and some are in the file but not answered.
          while (sent < upTo - Math.floor(random() * senders * 4)) await setTimeout(1);
          server.child.kill('SIGKILL');
          killed.abort();
        }
        await Promise.all(sending);
        if (life === kills) await check(server.url, known);
      } finally {
        server.child.kill('SIGKILL');
        await server.stop();
      }
    }
    t.diagnostic(`${sent} operations, ${known.size} silences, slowest start ${Math.round(slowestStartMs)} ms`);
    assert.ok(known.size > operations / 10);
  });
});

async function start(storage: string, log: LogLines): Promise<ServerProcess> {
  return startServerProcess({
    name: 'tocsin',
    command: process.execPath,
    cwd: root,
    onLine: (line) => log.add(line),
    // Alone it takes a second; a long replay runs beside whatever else runs.
    readyWithinMs: 120_000,
    files: { 'tocsin.yml': 'receiver: { max_silences: 1000000 }\n' },
    args: (folder, address) => [
      'src/main.ts',
      `--web.listen-address=${address}`,
      `--storage.path=${storage}`,
      `--config.file=${join(folder, 'tocsin.yml')}`,
      '--log.format=json',
      '--log.level=warn',
    ],
  });
}

/** Creates, changes, replaces or expires a silence at random. */
async function change(url: string, known: Map<string, Known>, ids: string[], random: () => number): Promise<void> {
  const id = random() < 0.5 ? undefined : ids[Math.floor(random() * ids.length)];
  const before = id === undefined ? undefined : known.get(id);
  const usable = before !== undefined && !before.expired && before.unanswered.length === 0;
  if (usable && random() < 0.3) return expire(url, id!, before);
  const comment = `version ${Math.floor(random() * 1e12)}`;
  const changes = usable ? { id } : {};
  const pending = usable ? { comment } : undefined;
  if (pending !== undefined) before!.unanswered.push(pending);
  const answer = await ask(`${url}/api/v2/silences`, 'POST', {
    ...changes,
    comment,
    createdBy: comment,
    // Always the same second, far in the future, so that a change keeps the id.
    startsAt: '2990-01-01T00:00:00Z',
    endsAt: '2999-01-01T00:00:00Z',
    matchers: [{ name: 'version', value: 'x', isRegex: false }],
  });
  if (answer === undefined) return;
  const { silenceID } = JSON.parse(answer) as { silenceID: string };
  if (usable) {
    assert.equal(silenceID, id);
    before.unanswered.splice(before.unanswered.indexOf(pending!), 1);
    before.comment = comment;
  } else {
    known.set(silenceID, { comment, expired: false, unanswered: [] });
    ids.push(silenceID);
  }
}

async function expire(url: string, id: string, before: Known): Promise<void> {
  const pending = { expired: true } as const;
  before.unanswered.push(pending);
  if ((await ask(`${url}/api/v2/silence/${id}`, 'DELETE')) === undefined) return;
  before.unanswered.splice(before.unanswered.indexOf(pending), 1);
  before.expired = true;
}

/** Undefined if the process was killed before it answered. */
async function ask(url: string, method: string, body?: object): Promise<string | undefined> {
  try {
    const headers = { 'Content-Type': 'application/json' };
    const response = await fetch(url, { method, ...(body !== undefined && { headers, body: JSON.stringify(body) }) });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return text;
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    return undefined;
  }
}

async function check(url: string, known: Map<string, Known>): Promise<void> {
  const listed = (await (await fetch(`${url}/api/v2/silences`)).json()) as readonly Listed[];
  const byId = new Map(listed.map((silence) => [silence.id, silence]));
  for (const [id, expected] of known) {
    const found = byId.get(id);
    assert.ok(found !== undefined, `the silence ${id} was acknowledged and is lost`);
    const comments = [expected.comment, ...expected.unanswered.map(({ comment }) => comment)];
    assert.ok(comments.includes(found.comment), `${id} is ${found.comment}, acknowledged was ${expected.comment}`);
    const isExpired = found.status.state === 'expired';
    const mayBe = expected.unanswered.some(({ expired }) => expired);
    assert.ok(isExpired === expected.expired || (isExpired && mayBe), `${id} is ${found.status.state}`);
    known.set(id, { comment: found.comment, expired: isExpired, unanswered: [] });
  }
  for (const { id, comment, createdBy, matchers } of listed) {
    assert.equal(createdBy, comment, `${id} is there by half`);
    assert.equal(matchers[0]?.value, 'x');
  }
}

/** Pseudo-random numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function generator(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
