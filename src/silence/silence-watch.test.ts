import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { Matcher } from '../matcher/matcher.ts';
import { SilenceLines } from './silence-report.ts';
import { SilenceWatch } from './silence-watch.ts';
import { testSilence } from './silence.fixture.ts';
import { silenceState, type Silence } from './silence.ts';
import { Silences } from './silences.ts';

describe('SilenceWatch, for silences that others have stored', () => {
  it('tells of each start, change and end once, and wakes what the ended one silenced', () => {
    const { watch, events, ended } = watching();
    watch.acceptForeign(testSilence('a'));
    watch.acceptForeign(testSilence('a', { updatedAt: 1100 }));
    watch.acceptForeign(testSilence('a', { comment: 'longer', updatedAt: 1200 }));
    watch.acceptForeign(testSilence('a', { comment: 'longer', endsAt: 1500, updatedAt: 1500 }));
    assert.deepEqual(events(), ['silence.started a', 'silence.changed a', 'silence.ended a']);
    assert.deepEqual(ended, ['a']);
  });

  it('shows the time of a change that changes nothing else', () => {
    const { watch, silences } = watching();
    watch.acceptForeign(testSilence('a'));
    watch.acceptForeign(testSilence('a', { updatedAt: 1100 }));
    assert.equal(silences.get('a')?.updatedAt, 1100);
  });

  it('ends one that is deleted, and forgets it at once', () => {
    const { watch, events, ended, silences } = watching();
    watch.acceptForeign(testSilence('a'));
    watch.acceptForeign(testSilence('b', { startsAt: 1800 }));
    for (const id of ['a', 'b', 'c', 'a']) watch.gone(id);
    const lines = ['silence.started a', 'silence.scheduled b', 'silence.ended a', 'silence.cancelled b'];
    assert.deepEqual(events(), lines);
    assert.deepEqual([ended, silences.size], [['a'], 0]);
  });

  it('tells nothing of one that is deleted long after its end', () => {
    const { watch, events, clock } = watching();
    watch.acceptForeign(testSilence('a'));
    clock.advance(600);
    watch.gone('a');
    assert.deepEqual(events(), ['silence.started a', 'silence.ended a']);
  });

  it('loads each silence as of the time up to which its start and end were told', () => {
    const { watch, events } = watching();
    const silences = ['told', 'new'].map((id) => testSilence(id, { endsAt: 1400, updatedAt: 900 }));
    watch.load({ silences, toldUntil: ({ id }) => (id === 'told' ? 1500 : 900) });
    assert.deepEqual(events(), ['silence.ended new']);
  });

  it('tells what a silence does as often as it does so, whoever stores it and however late the timers are', () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 300 }), version), { maxLength: 30 }), (steps) => {
        const { watch, clock, silences, events } = watching();
        for (const [wait, silence] of steps) {
          clock.advance(wait);
          if (silence === undefined) watch.gone('a');
          else
            watch.acceptForeign({
              ...silence,
              startsAt: clock.now() + silence.startsAt,
              endsAt: clock.now() + silence.endsAt,
            });
          const known = silences.get('a');
          const isActive = known !== undefined && silenceState(known, clock.now()) === 'active';
          const told = events()
            .filter((event) => !event.startsWith('silence.changed'))
            .at(-1);
          assert.equal(told === 'silence.started a', isActive);
        }
      }),
    ));
});

const version = fc.option(
  fc
    .record({
      startsAt: fc.integer({ min: -200, max: 200 }),
      length: fc.nat({ max: 300 }),
      job: fc.constantFrom('x', 'y'),
    })
    .map(({ startsAt, length, job }) =>
      testSilence('a', { startsAt, endsAt: startsAt + length, matchers: [new Matcher('job', job, '=')] }),
    ),
  { nil: undefined },
);

/** At 1500. */
function watching() {
  const clock = new FakeClock(1500);
  const logger = new RecordingLogger();
  const silences = new Silences(10_000);
  const ended: string[] = [];
  const onEnded = (all: readonly Silence[]): void => void ended.push(...all.map(({ id }) => id));
  const lines = new SilenceLines({ clock, logger, perSecond: () => 1000 });
  const watch = new SilenceWatch({ clock, silences, lines, onEnded, onTold: () => undefined });
  const events = (): string[] => logger.lines.map(({ event, fields }) => `${event} ${String(fields['silence'])}`);
  return { clock, silences, ended, watch, events };
}
