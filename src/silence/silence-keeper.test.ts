import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { Matcher } from '../matcher/matcher.ts';
import { SilenceError } from './silence-rules.ts';
import { SilenceRoom, SilenceKeeper, SilenceDraft } from './silence-keeper.ts';
import { silenceMemory, silencesMemoryBytes } from './silence-size.ts';
import { silenceState, type Silence } from './silence.ts';
import { Silences } from './silences.ts';
import { metric } from '../runtime/metric.fixture.ts';
import { SilenceLines, createSilenceMetrics } from './silence-report.ts';
import { LoggedSilences } from './silence-storage.ts';
import { SilenceWatch } from './silence-watch.ts';
import { testSilence } from './silence.fixture.ts';

const hour = 3_600_000;
const retentionMs = 120 * hour;
const matchers = [new Matcher('job', 'node', '=')];

describe('SilenceKeeper', () => {
  it('never refuses an operator that makes 84 silences of an hour in every hour', async () => {
    const { make, silences, clock, registry } = kept({ maxSilences: 100 });
    for (let count = 0; count < 84 * 150; count++) {
      await make(hour);
      await clock.advanceAsync(hour / 84);
    }
    assert.equal(silences.size, 100);
    assert.equal(silences.count(clock.now()).active, 84);
    assert.equal(await metric(registry, 'tocsin_silences_forgotten_total{limit="max_silences"}'), 84 * 150 - 100);
  });

  it('refuses a silence only if too many have not ended, and first forgets the ones that ended', () =>
    fc.assert(
      fc.asyncProperty(fc.array(step(), { maxLength: 60 }), async (steps) => {
        const { make, silences, clock } = kept({ maxSilences: 4 });
        let model: Silence[] = [];
        for (const { wait, length, replaces } of steps) {
          await clock.advanceAsync(wait);
          const now = clock.now();
          const live = model.filter((silence) => silenceState(silence, now) !== 'expired');
          const replaced = replaces ? live[0] : undefined;
          const made = make(length, replaced === undefined ? '' : replaced.id, [
            new Matcher('job', `${Math.random()}`, '='),
          ]);
          if (live.length - Number(replaced !== undefined) >= 4) await assert.rejects(made, { limit: 'max_silences' });
          else await made;
          const remembered = [...silences.all()];
          assert.ok(remembered.length <= 4);
          const gone = model.filter(({ id }) => !remembered.some((silence) => silence.id === id));
          const ended = remembered.filter((silence) => silenceState(silence, now) === 'expired');
          for (const { endsAt } of gone.filter(({ id }) => id !== replaced?.id)) {
            assert.ok(endsAt <= now, 'none is forgotten before it ends');
            for (const other of ended) assert.ok(endsAt <= other.endsAt, 'the one that ended first goes first');
          }
          model = remembered;
        }
      }),
    ));

  it('gives the memory of silences that have ended to others', async () => {
    const size = silenceMemory({ matchers, createdBy: 'me', comment: 'c', annotations: {} });
    const { make, silences, clock, registry, limits } = kept({ maxMemoryBytes: 3 * size });
    for (let count = 0; count < 3; count++) await make(hour);
    await clock.advanceAsync(hour);
    for (let count = 0; count < 3; count++) await make(hour);
    assert.ok(silences.memoryBytes <= limits.maxMemoryBytes);
    assert.equal(await metric(registry, 'tocsin_silences_forgotten_total{limit="silences_memory"}'), 3);
  });

  it('accepts a silence at the very end of another, even if the timer of that end never fires', async () => {
    const { make, clock, watch } = kept({ maxSilences: 1 });
    await make(hour);
    watch.close();
    await assert.rejects(make(hour), SilenceError);
    await clock.advanceAsync(hour);
    await make(hour);
  });

  it('logs forgotten silences once a minute, and the rest at the end', async () => {
    const { make, clock, logger, room } = kept({ maxSilences: 1 });
    for (let count = 0; count < 30; count++) {
      await make(10_000);
      await clock.advanceAsync(10_000);
    }
    room.close();
    const told = logger.valuesOf('silences.forgotten', 'max_silences').map(([count]) => count);
    assert.deepEqual(told, [1, 6, 6, 6, 6, 4]);
  });

  it('forgets nothing if the change could not be stored', async () => {
    let full = false;
    const { make, silences, clock } = kept({ maxSilences: 1 }, async () => {
      if (full) throw new Error('no space');
    });
    const first = await make(hour);
    await clock.advanceAsync(hour);
    full = true;
    await assert.rejects(make(hour), { name: 'NotStoredError' });
    assert.deepEqual(
      [...silences.all()].map(({ id }) => id),
      [first],
    );
  });
});

function step() {
  return fc.record({
    wait: fc.integer({ min: 0, max: 2 * hour }),
    length: fc.integer({ min: 1, max: 6 * hour }),
    replaces: fc.boolean(),
  });
}

function kept(given: object, append: () => Promise<void> = async () => undefined) {
  const limits = { maxSilences: 1000, maxBytes: 10_000, retentionMs, maxMemoryBytes: 1e9, ...given };
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const silences = new Silences(retentionMs);
  const registry = new Registry();
  const metrics = createSilenceMetrics(
    registry,
    () => undefined,
    () => silences.count(clock.now()),
  );
  const lines = new SilenceLines({ clock, logger, perSecond: () => 1 });
  const watch = new SilenceWatch({ clock, silences, lines, onEnded: () => undefined, onTold: () => undefined });
  const options = { clock, logger, silences, limits: () => limits, metrics, watch };
  const room = new SilenceRoom(options);
  const keeper = new SilenceKeeper({
    ...options,
    room,
    storage: new LoggedSilences({ append, noteLogged: async () => undefined }),
  });
  const make = (length: number, id = '', matched = matchers): Promise<string> => {
    const now = clock.now();
    const times = { startsAt: now, endsAt: now + length };
    return keeper.set({ id, matchers: matched, ...times, createdBy: 'me', comment: 'c', annotations: {} }, 'r');
  };
  return { make, silences, clock, logger, registry, watch, room, limits };
}

const large = testSilence('large', { matchers: [new Matcher('job', '\\pL'.repeat(300), '=~')] });
const most = Math.floor(silencesMemoryBytes / silenceMemory(large));

describe('SilenceDraft', () => {
  it('accepts no silence for which there is no memory, but still ends existing ones', () => {
    const silences = new Silences(1000);
    for (let count = 0; count < most; count++) silences.put(numbered(count), 1000);
    const draft = new SilenceDraft(silences, 1000);
    assert.throws(
      () => draft.add({ id: 'x', silences: [numbered(most)] }),
      (error) => error instanceof SilenceError && error.status === 400 && error.limit === 'silences_memory',
    );
    assert.equal(draft.liveCount, most);
    draft.add({ id: '0', silences: [numbered(0, { endsAt: 1500 })] });
    assert.equal(draft.get('0')?.endsAt, 1500);
  });

  it('counts the changes of the same batch, and not what has been forgotten', () => {
    const silences = new Silences(1000);
    const draft = new SilenceDraft(silences, 1000);
    for (let count = 0; count < most; count++) draft.add({ id: '', silences: [numbered(count)] });
    assert.throws(() => draft.add({ id: 'x', silences: [numbered(most)] }), SilenceError);
    for (let count = 0; count < most; count++) silences.put(numbered(count), 1000);
    silences.advance(10_000);
    assert.equal(silences.memoryBytes, 0);
  });
});

function numbered(count: number, given: Partial<Silence> = {}): Silence {
  return { ...large, id: String(count), ...given };
}
