import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { metric } from '../../runtime/metric.fixture.ts';
import { eventually } from '../../runtime/eventually.fixture.ts';
import { firing, runOnce, startPacing, testObject, testTrigger } from './guard.fixture.ts';

const slow = testTrigger('slow', { minIntervalMs: 30_000 });
const budgeted = testTrigger('budgeted', { budget: { runs: 2, perMs: 60_000 } });
const db = testObject('db');

describe('Pacing', () => {
  it('parks a run that comes too soon, and releases it once, with the causes of all that came meanwhile', async (t) => {
    const setup = await startPacing(t, [slow]);
    const { clock, logger, registry, released, observed } = setup;
    assert.deepEqual(await runOnce(setup, slow.key, db, firing(clock, 'A')), ['A']);
    await clock.advanceAsync(1000);
    assert.equal(await runOnce(setup, slow.key, db, firing(clock, 'B')), undefined);
    assert.equal(await runOnce(setup, slow.key, db, firing(clock, 'C', 'B')), undefined);
    assert.equal(setup.pacing.throttledBy(slow)!.runs, 1);
    assert.deepEqual(logger.valuesOf('trigger.throttled', 'trigger', 'name', 'because', 'retry_at')[0], [
      'alerttrigger/shop/slow',
      'db',
      'min_interval',
      '2026-11-21T03:00:30.000Z',
    ]);
    await clock.advanceAsync(28_999);
    assert.equal(released.length, 0);
    await clock.advanceAsync(1);
    assert.deepEqual(
      released.map(({ trigger, request, causes }) => [trigger, request, [...causes.alerts.keys()], causes.lastSeen]),
      [[slow.key, db.request, ['C', 'B'], clock.now()]],
    );
    assert.deepEqual(await runOnce(setup, slow.key, db, released[0]!.causes), ['B', 'C']);
    await clock.advanceAsync(3_600_000);
    assert.equal(released.length, 1);
    assert.deepEqual(observed, [slow.key]);
    assert.equal(await metric(registry, 'tocsin_trigger_throttled_total'), 2);
    assert.equal(await metric(registry, 'tocsin_trigger_released_total'), 1);
    assert.equal(await metric(registry, 'tocsin_trigger_parked_runs'), 0);
  });

  it('counts each alert of a released run once', async (t) => {
    const setup = await startPacing(t, [slow]);
    const { clock, pacing } = setup;
    for (const alert of ['A', 'B']) await runOnce(setup, slow.key, db, firing(clock, alert));
    await clock.advanceAsync(30_000);
    const admission = await pacing.admit(slow, db, setup.released[0]!.causes);
    assert.ok(admission.allowed);
    assert.equal(admission.permit.causes.alertCount, 1);
    admission.permit.end('failed');
  });

  it('takes along what is parked when a run is made before its release', async (t) => {
    const setup = await startPacing(t, [budgeted]);
    const { clock, triggers } = setup;
    for (const alert of ['A', 'B']) await runOnce(setup, budgeted.key, db, firing(clock, alert));
    assert.equal(await runOnce(setup, budgeted.key, db, firing(clock, 'C')), undefined);
    triggers.set(budgeted.key, { ...budgeted, budget: { runs: 3, perMs: 60_000 } });
    assert.deepEqual(await runOnce(setup, budgeted.key, db, firing(clock, 'D')), ['C', 'D']);
    await clock.advanceAsync(3_600_000);
    assert.deepEqual(setup.released, []);
  });

  it('counts in a window that slides', async (t) => {
    const setup = await startPacing(t, [budgeted]);
    const { clock, logger } = setup;
    const makes = async (): Promise<boolean> =>
      (await runOnce(setup, budgeted.key, db, firing(clock, 'A'))) !== undefined;
    assert.equal(await makes(), true);
    await clock.advanceAsync(40_000);
    assert.equal(await makes(), true);
    assert.equal(await makes(), false);
    assert.deepEqual(logger.valuesOf('trigger.throttled', 'because'), [['budget']]);
    await clock.advanceAsync(20_000);
    assert.equal(setup.released.length, 1);
    assert.equal(await makes(), true);
    await clock.advanceAsync(39_999);
    assert.equal(await makes(), false);
  });

  it('counts neither a run that writes nothing nor a write that was refused, and a write with its retries once', async (t) => {
    const setup = await startPacing(t, [budgeted]);
    const { clock, pacing } = setup;
    const permit = async (causes = firing(clock, 'A')) => {
      const admission = await pacing.admit(budgeted, db, causes);
      return admission.allowed ? admission.permit : undefined;
    };
    for (let times = 0; times < 5; times++) (await permit())!.end('nothing');
    for (let times = 0; times < 5; times++) {
      const refused = (await permit())!;
      await refused.spend();
      refused.end('nothing');
    }
    const causes = firing(clock, 'A');
    for (let times = 0; times < 5; times++) {
      const tried = (await permit(causes))!;
      await tried.spend();
      tried.end('failed');
      await clock.advanceAsync(1000);
    }
    const made = (await permit(causes))!;
    await made.spend();
    made.end('written');
    const second = await permit();
    await second!.spend();
    second!.end('written');
    assert.equal(await permit(), undefined);
    const after = await setup.killed();
    assert.equal(await runOnce(after, budgeted.key, db, firing(clock, 'B')), undefined);
  });

  it('counts a run for newer alerts apart from a write that may have been made', async (t) => {
    const setup = await startPacing(t, [slow]);
    const { clock, pacing } = setup;
    const admission = await pacing.admit(slow, db, firing(clock, 'A'));
    assert.ok(admission.allowed);
    await admission.permit.spend();
    admission.permit.end('failed');
    await clock.advanceAsync(1000);
    assert.equal(await runOnce(setup, slow.key, db, firing(clock, 'B')), undefined);
  });

  it('measures the interval from the end of a long write', async (t) => {
    const setup = await startPacing(t, [slow]);
    const { clock, pacing } = setup;
    const admission = await pacing.admit(slow, db, firing(clock, 'A'));
    assert.ok(admission.allowed);
    await admission.permit.spend();
    await clock.advanceAsync(20_000);
    admission.permit.end('written');
    await clock.advanceAsync(29_999);
    assert.equal(await runOnce(setup, slow.key, db, firing(clock, 'B')), undefined);
  });

  it('tells newer alerts from a retry when the clock is set back', async (t) => {
    const setup = await startPacing(t, [slow]);
    const { clock, pacing } = setup;
    const admission = await pacing.admit(slow, db, firing(clock, 'A'));
    assert.ok(admission.allowed);
    await admission.permit.spend();
    admission.permit.end('failed');
    clock.set(-3_600_000);
    await clock.advanceAsync(1000);
    assert.equal(await runOnce(setup, slow.key, db, firing(clock, 'B')), undefined);
  });

  it('counts by object and by trigger: a new object of the same name has a budget of its own', async (t) => {
    const setup = await startPacing(t, [slow, budgeted]);
    const { clock } = setup;
    const causes = firing(clock, 'A');
    assert.deepEqual(await runOnce(setup, slow.key, db, causes), ['A']);
    assert.deepEqual(await runOnce(setup, budgeted.key, db, causes), ['A']);
    assert.deepEqual(await runOnce(setup, slow.key, testObject('other'), causes), ['A']);
    assert.deepEqual(await runOnce(setup, slow.key, { ...db, uid: 'new' }, causes), ['A']);
    assert.equal(await runOnce(setup, slow.key, db, causes), undefined);
  });

  it('counts a run for an object whose UID is not known, because it is not watched, for each that it may have been', async (t) => {
    for (const [first, second] of [
      [undefined, 'uid'],
      ['uid', undefined],
    ] as const)
      for (const isKilled of [false, true]) {
        let setup = await startPacing(t, [budgeted]);
        const { clock, triggers } = setup;
        const run = (uid: string | undefined) =>
          runOnce(setup, budgeted.key, { ...db, uid }, firing(clock, `${uid} ${clock.now()}`));
        for (const uid of [first, second]) assert.notEqual(await run(uid), undefined);
        if (isKilled) setup = await setup.killed();
        assert.equal(await run(first), undefined);
        assert.equal(await run(second), undefined);
        assert.notEqual(setup.pacing.throttledUntil(triggers.get(budgeted.key)!, { ...db, uid: second }), undefined);
        await clock.advanceAsync(60_000);
        assert.equal(setup.released.length, 1);
      }
  });

  it('does not refill a budget when the trigger is changed, or deleted and made again', async (t) => {
    const setup = await startPacing(t, [budgeted]);
    const { clock, triggers, pacing } = setup;
    for (const alert of ['A', 'B']) await runOnce(setup, budgeted.key, db, firing(clock, alert));
    triggers.delete(budgeted.key);
    pacing.triggersChanged();
    await clock.advanceAsync(1000);
    triggers.set(budgeted.key, { ...budgeted, generation: 2 });
    pacing.triggersChanged();
    assert.equal(await runOnce(setup, budgeted.key, db, firing(clock, 'C')), undefined);
    // Without a budget for a while, and with a longer window after that.
    triggers.set(budgeted.key, { ...budgeted, budget: undefined } as never);
    await runOnce(setup, budgeted.key, db, firing(clock, 'D'));
    triggers.set(budgeted.key, { ...budgeted, budget: { runs: 3, perMs: 600_000 } });
    await clock.advanceAsync(300_000);
    assert.equal(await runOnce(setup, budgeted.key, db, firing(clock, 'E')), undefined);
  });

  it('decides anew what is parked when its trigger has changed, and says what is not made', async (t) => {
    const cases = [
      ['trigger_gone', undefined, true],
      ['observed', { ...slow, mode: 'observe' }, true],
      ['suspended', { ...slow, suspend: { reason: 'upgrade' } }, true],
      ['trigger_changed', { ...slow, generation: 2 }, false],
      [undefined, { ...slow, generation: 2, minIntervalMs: 1000 }, true],
    ] as const;
    for (const [because, changed, chooses] of cases) {
      const setup = await startPacing(t, [slow]);
      const { clock, triggers, pacing, logger, released, registry } = setup;
      await runOnce(setup, slow.key, db, firing(clock, 'A'));
      await clock.advanceAsync(5000);
      await runOnce(setup, slow.key, db, firing(clock, 'B'));
      setup.chooses = chooses;
      if (changed === undefined) triggers.delete(slow.key);
      else triggers.set(slow.key, changed);
      pacing.triggersChanged();
      await clock.advanceAsync(100);
      // Only a trigger that is gone decides before the slot comes.
      if (because !== 'trigger_gone' && because !== undefined) await clock.advanceAsync(30_000);
      assert.equal(released.length, because === undefined ? 1 : 0, because);
      const dropped = because === undefined ? [] : [[slow.key, 'db', because, ['B firing']]];
      assert.deepEqual(logger.valuesOf('trigger.parked_dropped', 'trigger', 'name', 'because', 'causes'), dropped);
      if (because === undefined) continue;
      assert.equal(await metric(registry, `tocsin_trigger_parked_dropped_total{because="${because}"}`), 1);
      assert.equal(setup.pacing.throttledBy(slow), undefined);
    }
  });

  it('keeps no run for which nothing is left to do', async (t) => {
    const setup = await startPacing(t, [slow]);
    const { clock, pacing, released } = setup;
    for (const alert of ['A', 'B']) await runOnce(setup, slow.key, db, firing(clock, alert));
    pacing.unnecessary(slow, testObject('other'));
    assert.equal(pacing.throttledBy(slow)?.runs, 1);
    pacing.unnecessary(slow, db);
    assert.equal(pacing.throttledBy(slow), undefined);
    await clock.advanceAsync(3_600_000);
    assert.deepEqual(released, []);
  });

  it('says that the object of a parked run is gone', async (t) => {
    const setup = await startPacing(t, [slow]);
    const { clock, pacing, logger } = setup;
    for (const alert of ['A', 'B']) await runOnce(setup, slow.key, db, firing(clock, alert));
    pacing.gone(testObject('other').request);
    assert.equal(pacing.throttledBy(slow)?.runs, 1);
    pacing.gone(db.request);
    assert.equal(pacing.throttledBy(slow), undefined);
    assert.deepEqual(logger.valuesOf('trigger.parked_dropped', 'because'), [['object_gone']]);
  });

  it('releases again a run of which nothing came', async (t) => {
    const setup = await startPacing(t, [slow]);
    const { clock, released } = setup;
    for (const alert of ['A', 'B']) await runOnce(setup, slow.key, db, firing(clock, alert));
    await clock.advanceAsync(30_000 + 299_000);
    assert.equal(released.length, 1);
    await clock.advanceAsync(2000);
    assert.equal(released.length, 2);
  });

  it('names as many alerts as there is room for, one of each name first, and says which it does not', async (t) => {
    const setup = await startPacing(t, [slow]);
    const { clock, logger, registry } = setup;
    const names = Array.from({ length: 25 }, (_, index) => `A${String(index).padStart(2, '0')}`);
    await runOnce(setup, slow.key, db, firing(clock, 'first'));
    for (const name of names) await runOnce(setup, slow.key, db, firing(clock, name));
    await clock.advanceAsync(30_000);
    const [{ causes } = { causes: undefined }] = setup.released;
    assert.deepEqual([...causes!.alerts.keys()], names.slice(5));
    assert.equal(causes!.alertCount, 25);
    const lost = logger.fieldsOf('trigger.parked_alerts_full').flatMap(({ alertnames }) => alertnames);
    assert.deepEqual(lost, names.slice(0, 5));
    assert.equal(await metric(registry, 'tocsin_trigger_guard_limit_total{limit="parked_alerts"}'), 5);
  });

  it('releases nothing before it has started, so that the triggers are known', async (t) => {
    const first = await startPacing(t, [slow]);
    const { clock } = first;
    for (const alert of ['A', 'B']) await runOnce(first, slow.key, db, firing(clock, alert));
    const second = await first.restarted();
    assert.deepEqual(second.logger.fieldsOf('triggers.loaded'), [{ objects: 1, parked: 1 }]);
    await clock.advanceAsync(30_000);
    assert.equal(second.released.length, 1);
  });
});

describe('Pacing on the disk', () => {
  it('keeps budgets and parked runs when the process ends in any way', async (t) => {
    for (const end of ['killed', 'restarted'] as const) {
      const first = await startPacing(t, [budgeted]);
      const { clock } = first;
      for (const alert of ['A', 'B', 'C']) await runOnce(first, budgeted.key, db, firing(clock, alert));
      const second = await first[end]();
      assert.equal(await runOnce(second, budgeted.key, db, firing(clock, 'D')), undefined);
      const third = await second[end]();
      await clock.advanceAsync(60_000);
      assert.deepEqual([...third.released[0]!.causes.alerts.keys()], ['C', 'D'], end);
    }
  });

  it('counts a write of a process that was killed meanwhile from the start of the next one: it may have been made until then', async (t) => {
    for (const [end, isOver, wait] of [
      ['killed', false, 29_999],
      ['killed', true, 9_999],
      ['restarted', true, 9_999],
    ] as const) {
      const first = await startPacing(t, [slow]);
      const { clock } = first;
      const admission = await first.pacing.admit(slow, db, firing(clock, 'A'));
      assert.ok(admission.allowed);
      await admission.permit.spend();
      // Long enough to be counted at its end.
      await clock.advanceAsync(101);
      if (isOver) admission.permit.end('written');
      await first.pacing.conditions.note({ trigger: 'T', request: db.request, apiVersion: 'v1', type: 'Quiet' });
      await clock.advanceAsync(20_000);
      const second = await first[end]();
      assert.equal(await runOnce(second, slow.key, db, firing(clock, 'B')), undefined);
      await clock.advanceAsync(wait);
      assert.equal(second.released.length, 0, `${end} ${isOver}`);
      await clock.advanceAsync(2);
      assert.equal(second.released.length, 1, `${end} ${isOver}`);
    }
  });

  it('counts no run later than a run may last, however often processes are killed', async (t) => {
    let setup = await startPacing(t, [budgeted]);
    const { clock } = setup;
    for (const alert of ['A', 'B']) await runOnce(setup, budgeted.key, db, firing(clock, alert));
    for (let kills = 0; kills < 13; kills++) {
      await clock.advanceAsync(10_000);
      setup = await setup.killed();
    }
    assert.notEqual(await runOnce(setup, budgeted.key, db, firing(clock, 'C')), undefined);
  });

  it('gives back what was not done, also after a restart', async (t) => {
    const first = await startPacing(t, [slow]);
    const admission = await first.pacing.admit(slow, db, firing(first.clock, 'A'));
    assert.ok(admission.allowed);
    await admission.permit.spend();
    admission.permit.end('nothing');
    const second = await first.restarted();
    assert.deepEqual(await runOnce(second, slow.key, db, firing(first.clock, 'A')), ['A']);
  });

  it('does not make again what was made', async (t) => {
    const first = await startPacing(t, [slow]);
    const { clock } = first;
    for (const alert of ['A', 'B']) await runOnce(first, slow.key, db, firing(clock, alert));
    await clock.advanceAsync(30_000);
    await runOnce(first, slow.key, db, first.released[0]!.causes);
    const second = await first.restarted();
    await clock.advanceAsync(3_600_000);
    assert.deepEqual(second.released, []);
  });

  it('neither refills nor blocks when the clock is set, while the process runs or not', async (t) => {
    for (const byMs of [-86_400_000, 86_400_000])
      for (const isRunning of [true, false]) {
        // A clock that is set forward while no process runs looks like a long time.
        if (byMs > 0 && !isRunning) continue;
        const first = await startPacing(t, [budgeted]);
        const { clock } = first;
        for (const alert of ['A', 'B']) await runOnce(first, budgeted.key, db, firing(clock, alert));
        if (isRunning) clock.set(byMs);
        await first.pacing.conditions.note({ trigger: 'T', request: db.request, apiVersion: 'v1', type: 'Quiet' });
        const next = first.killed();
        if (!isRunning) clock.set(byMs);
        const second = await next;
        assert.equal(await runOnce(second, budgeted.key, db, firing(clock, 'C')), undefined, `${byMs} ${isRunning}`);
        await clock.advanceAsync(60_001);
        assert.equal(second.released.length, 1, `${byMs} ${isRunning}`);
      }
  });

  it('writes new times when the clock has been set, without anything else to write', async (t) => {
    for (const end of ['killed', 'restarted'] as const) {
      const first = await startPacing(t, [budgeted]);
      const { clock } = first;
      for (const alert of ['A', 'B']) await runOnce(first, budgeted.key, db, firing(clock, alert));
      const content = (): string => readFileSync(join(first.folder, 'triggers.log'), 'utf8');
      const before = content();
      clock.set(86_400_000);
      if (end === 'killed') {
        await clock.advanceAsync(10_000);
        await eventually(content, (now) => now !== before);
      }
      const second = await first[end]();
      assert.equal(await runOnce(second, budgeted.key, db, firing(clock, 'C')), undefined, end);
    }
  });

  it('goes on in memory when the disk fails, says so once, and writes everything when it can', async (t) => {
    const first = await startPacing(t, [slow]);
    const { clock, folder, logger, registry } = first;
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'a file, and no folder');
    for (const alert of ['A', 'B', 'C']) await runOnce(first, slow.key, db, firing(clock, alert));
    await clock.advanceAsync(10_000);
    assert.equal(logger.linesOf('triggers.not_stored').length, 1);
    assert.match(logger.linesOf('triggers.not_stored')[0]!.msg, /a restart would refill them/);
    assert.equal(await metric(registry, 'tocsin_trigger_budgets_unsaved'), 1);
    rmSync(folder);
    mkdirSync(folder, { recursive: true }); // a write that is under way may make it too
    await clock.advanceAsync(10_000);
    await eventually(
      () => logger.linesOf('triggers.stored_again').length,
      (lines) => lines === 1,
    );
    assert.equal(await metric(registry, 'tocsin_trigger_budgets_unsaved'), 0);
    const second = await first.killed();
    assert.equal(second.pacing.throttledBy(slow)?.runs, 1);
  });

  it('says at the end that runs are lost if the disk still fails', async (t) => {
    const { pacing, clock, folder, logger, triggers } = await startPacing(t, [slow]);
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');
    for (const alert of ['A', 'B']) await runOnce({ pacing, triggers }, slow.key, db, firing(clock, alert));
    await pacing.close();
    assert.deepEqual(logger.fieldsOf('triggers.parked_kept'), [{ parked: 1, lost: true }]);
  });

  it('keeps what is readable of a damaged file, and the file', async (t) => {
    const first = await startPacing(t, [slow]);
    const { clock, folder } = first;
    for (const name of ['a', 'b', 'c']) await runOnce(first, slow.key, testObject(name), firing(clock, 'A'));
    await first.pacing.close();
    const file = join(folder, 'triggers.log');
    const bytes = readFileSync(file);
    bytes[bytes.indexOf('uid-of-b')] = 0;
    writeFileSync(file, bytes);
    const second = await first.restarted();
    assert.deepEqual(second.logger.valuesOf('triggers.damaged', 'unreadable_records', 'kept'), [[0, 2]]);
    assert.equal(readdirSync(folder).filter((name) => name.includes('damaged')).length, 1);
    assert.equal(await runOnce(second, slow.key, testObject('c'), firing(clock, 'B')), undefined);
  });

  it('writes no file without a trigger, and keeps it small', async (t) => {
    const quick = testTrigger('quick', { minIntervalMs: 1, budget: { runs: 100_000, perMs: 10_000 } });
    const setup = await startPacing(t, [quick]);
    const { clock, folder } = setup;
    assert.deepEqual(readdirSync(folder), []);
    const long = testObject('x'.repeat(5000));
    for (let times = 0; times < 500; times++) {
      await clock.advanceAsync(1);
      await runOnce(setup, quick.key, long, firing(clock, 'A'));
    }
    assert.ok(statSync(join(folder, 'triggers.log')).size < 1.2 * 1024 * 1024);
  });

  it('remembers the conditions that triggers wrote', async (t) => {
    const first = await startPacing(t);
    const quiet = { trigger: slow.key, request: db.request, apiVersion: 'v1', type: 'Quiet' };
    const other = { trigger: slow.key, request: db.request, apiVersion: 'v1', type: 'Other' };
    await first.pacing.conditions.note(quiet);
    await first.pacing.conditions.note(other);
    const second = await first.killed();
    assert.deepEqual([...second.pacing.conditions.all()], [quiet, other]);
    second.pacing.conditions.forget(quiet);
    const third = await second.restarted();
    assert.deepEqual([...third.pacing.conditions.all()], [other]);
  });
});
