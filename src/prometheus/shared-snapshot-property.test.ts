import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SnapshotError } from '../reconcile/errors.ts';
import { snapshotBench, type Query, type SnapshotBench } from './shared-snapshot.fixture.ts';

const hour = 3_600_000;

interface Step {
  readonly waitMs: number;
  /** For each caller that asks now, the age of its newest cause. */
  readonly ages: readonly number[];
  /** After how long the callers of this step give up; undefined: never. */
  readonly patienceMs: number | undefined;
  /** The callers of this step wait for no query of others. */
  readonly isUrgent: boolean;
}

/** How the next query ends; the list is used again and again. */
interface Ending {
  readonly takesMs: number;
  readonly fails: boolean;
}

/** One call of snapshot(), and its outcome. */
interface Call {
  readonly notBefore: number;
  /** How many queries had begun at the time of the call. */
  readonly queriesBefore: number;
  /** The query that answered or failed; undefined for a caller that gave up. */
  outcome?: { readonly query: Query | undefined; readonly error?: unknown };
}

const step = fc.record<Step>({
  waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 20_000 })),
  ages: fc.array(fc.oneof(fc.constantFrom(0, 1, 5), fc.integer({ min: 0, max: 40_000 })), { maxLength: 5 }),
  patienceMs: fc.option(fc.integer({ min: 0, max: 12_000 }), { nil: undefined, freq: 3 }),
  isUrgent: fc.boolean(),
});
const ending = fc.record<Ending>({
  takesMs: fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 10_000 })),
  fails: fc.boolean(),
});
const steps = fc.array(step, { minLength: 1, maxLength: 20 });
const endings = fc.array(ending, { minLength: 1, maxLength: 10 });

interface Rehearsal extends SnapshotBench {
  readonly calls: readonly Call[];
  call(notBefore: number, patienceMs: number | undefined, isUrgent?: boolean): void;
}

/** A shared snapshot whose queries end as the script says, and never overlap. */
function rehearsal(script: readonly Ending[]): Rehearsal {
  const calls: Call[] = [];
  const bench = snapshotBench((query) => {
    assert.equal(bench.queries.filter(({ isOpen }) => isOpen).length, 1, 'two queries at once');
    const { takesMs, fails } = script[(bench.queries.length - 1) % script.length]!;
    bench.clock.setTimeout(() => (fails ? query.fail() : query.answer()), takesMs);
  });
  const call = (notBefore: number, patienceMs: number | undefined, isUrgent = false): void => {
    const record: Call = { notBefore, queriesBefore: bench.queries.length };
    const patience = new AbortController();
    if (isUrgent) bench.urgent.add(patience.signal);
    if (patienceMs !== undefined) bench.clock.setTimeout(() => patience.abort(new Error('gave up')), patienceMs);
    calls.push(record);
    bench.snapshots.snapshot(notBefore, [`call ${calls.length}`], patience.signal).then(
      ({ firing }) => (record.outcome = { query: queryNamed(bench, firing.all[0]?.['alertname'] ?? '') }),
      (error: unknown) => (record.outcome = { error, query: queryNamed(bench, (error as Error).message) }),
    );
  };
  return { ...bench, calls, call };
}

/** The query that an answer (`query 3`) or a failure (`query 3 failed`) belongs to. */
function queryNamed({ queries }: SnapshotBench, text: string): Query | undefined {
  const number = /^query (\d+)/.exec(text)?.[1];
  return number === undefined ? undefined : queries[Number(number)];
}

describe('shared snapshot, any schedule of callers, queries and failures', () => {
  it('lets nobody wait for ever, nor have an answer that was asked for before the newest cause', async () => {
    await fc.assert(
      fc.asyncProperty(steps, endings, async (schedule, script) => {
        const { clock, queries, calls, call } = rehearsal(script);
        for (const { waitMs, ages, patienceMs, isUrgent } of schedule) {
          await clock.advanceAsync(waitMs);
          for (const age of ages) call(clock.now() - age, patienceMs, isUrgent);
        }
        const queriesAtLastCall = queries.length;
        await clock.advanceAsync(60_000);

        for (const { notBefore, outcome } of calls) {
          assert.ok(outcome !== undefined, 'somebody still waits');
          if (outcome.query === undefined) assert.match(String(outcome.error), /gave up/);
          else assert.ok(outcome.query.startedAt >= notBefore, 'too old an answer');
          assert.ok(outcome.query === undefined || !('error' in outcome) || outcome.error instanceof SnapshotError);
        }
        assert.ok(queries.length - queriesAtLastCall <= 1, 'more than one query was queued');
        assert.equal(clock.pending(), 0);
      }),
      { numRuns: 300 },
    );
  });

  it('makes no query for one whom the last answer serves, or the last failure until its retry is due', async () => {
    await fc.assert(
      fc.asyncProperty(steps, endings, async (schedule, script) => {
        const { clock, queries, calls, call, logger } = rehearsal(script);
        for (const { waitMs, ages } of schedule) {
          await clock.advanceAsync(waitMs);
          if (queries.some(({ isOpen }) => isOpen)) continue;
          const last = queries.at(-1);
          const { status, duration_ms, retry_in_ms } = logger.fieldsOf('prometheus.queried').at(-1) ?? {};
          const retryAt = (last?.startedAt ?? 0) + Number(duration_ms) + Number(retry_in_ms);
          const serves = last !== undefined && (status === 'success' || clock.now() < retryAt);
          for (const age of ages) call(Math.min(clock.now() - age, last?.startedAt ?? 0), undefined);
          const asked = ages.length > 0 && !serves ? 1 : 0;
          assert.equal(queries.length, (last === undefined ? 0 : queries.indexOf(last) + 1) + asked);
          // This gives the next step something new.
          call(clock.now(), undefined);
        }
        await clock.advanceAsync(60_000);
        assert.ok(calls.every(({ outcome }) => outcome !== undefined));
        assert.equal(logger.linesOf('prometheus.queried').length, queries.length);
      }),
      { numRuns: 200 },
    );
  });

  it('names each caller who waited in the line of the query that answered, and nobody else', async () => {
    await fc.assert(
      fc.asyncProperty(steps, endings, async (schedule, script) => {
        const { clock, queries, calls, call, logger } = rehearsal(script);
        for (const { waitMs, ages } of schedule) {
          await clock.advanceAsync(waitMs);
          for (const age of ages) call(clock.now() - age, undefined);
        }
        await clock.advanceAsync(60_000);
        const lines = logger.fieldsOf('prometheus.queried').map((fields) => fields['request_ids'] as string[]);
        for (const [index, { outcome, queriesBefore }] of calls.entries()) {
          const named = lines.flatMap((ids, query) => (ids.includes(`call ${index + 1}`) ? [query] : []));
          const answeredBy = queries.indexOf(outcome!.query!);
          if (named.length > 0) assert.deepEqual(named, [answeredBy]);
          else assert.ok(answeredBy < queriesBefore, 'who is not named was served by an earlier answer');
        }
      }),
      { numRuns: 200 },
    );
  });

  it('gives no answer from before a cause, though the clock is set back by hours now and then', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(step, fc.nat(3)), { minLength: 1, maxLength: 20 }),
        endings,
        async (all, script) => {
          const bench = rehearsal(script);
          const { clock, queries, calls, call, setBack } = bench;
          let back = 0;
          for (const [{ waitMs, ages, patienceMs }, hours] of all) {
            await clock.advanceAsync(waitMs);
            if (hours > 0) {
              back += hours * hour;
              setBack(hours * hour);
            }
            for (const _ of ages) call(clock.now() - back, patienceMs);
          }
          await clock.advanceAsync(60_000);
          for (const { outcome, notBefore, queriesBefore } of calls) {
            assert.ok(outcome !== undefined, 'somebody still waits');
            const { query } = outcome;
            if (query === undefined) continue;
            // Within one millisecond the order does not matter; a query that began earlier than that must not serve.
            const began = queries.indexOf(query);
            assert.ok(began >= queriesBefore || query.startedAt === notBefore, 'an answer from before the cause');
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
