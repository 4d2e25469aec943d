import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { drawerAt, drawnMarks, markAt, timeOf, xOf, type Scale } from './drawing.ts';
import { at, backend, changed, ended, fact, maintenance, start, throttling } from './page.fixture.ts';
import { alertLanes, silenceLanes } from './alert-lanes.ts';
import { pipelineLanes } from './pipeline-lanes.ts';
import { describeTimeline, type Lane, type Mark } from './timeline.ts';

type TimelineInput = Parameters<typeof silenceLanes>[0] &
  Parameters<typeof alertLanes>[0] &
  Parameters<typeof pipelineLanes>[0];

function timelineOf(input: TimelineInput): readonly Lane[] {
  return [...silenceLanes(input), ...alertLanes(input), ...pipelineLanes(input)];
}

const nothing: TimelineInput = {
  pipelines: [],
  alerts: [],
  facts: [],
  changes: [],
  comings: [],
  silences: [],
  from: start,
  to: start + 3_600_000,
};

function marksOf(input: Partial<TimelineInput>, shape?: Mark['shape']): readonly unknown[] {
  const marks = timelineOf({ ...nothing, ...input }).flatMap((lane) => lane.marks());
  const seconds = (time: number | undefined): number | undefined =>
    time === undefined ? undefined : (time - start) / 1000;
  return marks
    .filter((mark) => shape === undefined || mark.shape === shape)
    .map(({ from, to, tone }) => [seconds(from), seconds(to), tone]);
}

describe('the timeline', () => {
  it('has a bar for an alert that fires, which has no end yet', () => {
    assert.deepEqual(marksOf({ alerts: [throttling] }), [[1, undefined, 'firing']]);
  });

  it('shows that an alert is silenced, and that one has ended', () => {
    const silenced = { ...throttling, silenced_by: ['s'] };
    assert.deepEqual(marksOf({ alerts: [silenced] }), [[1, undefined, 'silenced']]);
    assert.deepEqual(marksOf({ alerts: [{ ...throttling, status: 'resolved' }] }), [[1, 600, 'resolved']]);
  });

  it('has the times at which an alert fired before, too, from the facts', () => {
    const { fingerprint } = throttling;
    const comings = [fact(10, 'alert.new', { fingerprint }), fact(20, 'alert.resolved', { fingerprint })];
    const again = { ...throttling, starts_at: at(30) };
    assert.deepEqual(marksOf({ alerts: [again], comings }), [
      [10, 20, 'resolved'],
      [30, undefined, 'firing'],
    ]);
  });

  it('does not say that an alert fires which is known from the facts alone', () => {
    const { starts_at: _start, ...forgotten } = throttling;
    const comings = [fact(10, 'alert.new', { fingerprint: throttling.fingerprint })];
    assert.deepEqual(marksOf({ alerts: [forgotten], comings }), [[10, 10, 'resolved']]);
  });

  it('begins where the facts say if the end of the alert named no start', () => {
    const { fingerprint } = throttling;
    const comings = [fact(10, 'alert.new', { fingerprint }), fact(20, 'alert.resolved', { fingerprint })];
    const resolved = { ...throttling, status: 'resolved' as const, starts_at: at(20), ends_at: at(20) };
    assert.deepEqual(marksOf({ alerts: [resolved], comings }), [[10, 20, 'resolved']]);
  });

  it('has one lane for the alerts of one name', () => {
    const other = { ...throttling, fingerprint: 'f'.repeat(16) };
    const lanes = timelineOf({ ...nothing, alerts: [throttling, other] });
    assert.deepEqual(
      lanes.map(({ label, detail }) => [label, detail]),
      [[throttling.alertname, '2 firing']],
    );
  });

  it('leads from the name to the one alert, or to the list of many', () => {
    const other = { ...throttling, fingerprint: 'f'.repeat(16) };
    const leadsTo = (...alerts: TimelineInput['alerts']): unknown => timelineOf({ ...nothing, alerts })[0]!.leadsTo;
    assert.deepEqual(leadsTo(throttling), { selected: { of: 'alert', id: throttling.fingerprint } });
    assert.deepEqual(leadsTo(throttling, other), { list: 'alerts', alert: 'alertname="TraceGatewayThrottling"' });
  });

  it('shows how a pipeline was over the time, its runs and its changes', () => {
    const facts = [changed(100, 'True', 'False'), ended(100, 'changed'), ended(150, 'error')];
    const input = {
      pipelines: [{ ...backend, condition: { ...backend.condition!, status: 'False' as const } }],
      facts,
      changes: facts.slice(0, 1),
    };
    assert.deepEqual(marksOf(input, 'health'), [
      [0, 100, 'healthy'],
      [100, undefined, 'unhealthy'],
    ]);
    assert.deepEqual(marksOf(input, 'tick'), [
      [100, 100, 'run'],
      [150, 150, 'failed'],
    ]);
    assert.deepEqual(marksOf(input, 'flag'), [[100, 100, 'unhealthy']]);
  });

  it('shows the silences in a lane of their own', () => {
    assert.deepEqual(marksOf({ silences: [maintenance] }), [[0, 3600, 'silence']]);
    assert.deepEqual(marksOf({ silences: [{ ...maintenance, startsAt: at(-100), endsAt: at(-50) }] }), []);
  });

  it('is told in a sentence', () => {
    const lanes = timelineOf({ ...nothing, alerts: [throttling], silences: [maintenance] });
    assert.equal(describeTimeline(lanes), 'silences, 1 name of alerts, 0 pipelines');
  });
});

describe('a lane in pixels', () => {
  const scale: Scale = { from: start, to: start + 1000_000, width: 1000 };
  const lane = (marks: readonly Partial<Mark>[]): Lane => ({
    id: 'l',
    sort: 'alert',
    label: 'l',
    detail: '',
    leadsTo: undefined,
    marks: () =>
      marks.map((mark) => ({ shape: 'bar', from: start, tone: 'firing', text: () => '', opens: undefined, ...mark })),
  });

  it('goes from time to pixel and back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1000 }), (x) =>
        assert.ok(Math.abs(xOf(timeOf(x, scale), scale) - x) < 1e-6),
      ),
    );
  });

  it('never draws more marks than it has pixels for, nor outside of itself', () => {
    const times = fc.array(fc.tuple(fc.integer({ min: -1000, max: 2000 }), fc.integer({ min: 0, max: 2000 })), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(times, (pairs) => {
        const narrow = { ...scale, width: 20 };
        const marks = pairs.map(([from, length]) => ({
          from: start + from * 1000,
          to: start + (from + length) * 1000,
        }));
        const drawn = drawnMarks(lane(marks), narrow);
        assert.ok(drawn.length <= 21 * 23);
        for (const { x, width } of drawn) assert.ok(x >= 0 && x <= 20 && width >= 2 && x + width <= 22.001);
      }),
    );
  });

  it('finds what is under the pointer: the flag before the bar that it stands on', () => {
    const marks = [{ to: start + 500_000 }, { shape: 'flag' as const, from: start + 100_000, to: start + 100_000 }];
    const drawn = drawerAt(scale)(lane(marks));
    assert.equal(markAt(drawn, 102)!.shape, 'flag');
    assert.equal(markAt(drawn, 300)!.shape, 'bar');
    assert.equal(markAt(drawn, 700), undefined);
  });
});
