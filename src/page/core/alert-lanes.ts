import type { Alert } from '../../explain/schema.ts';
import { equalMatcher, showAlert } from '../../explain/words.ts';
import { alertState } from './alerts.ts';
import { textField, type Facts } from './facts.ts';
import type { Link } from './link.ts';
import type { Silence } from './state.ts';
import { once, overlaps, type Bounds, type Lane, type Mark } from './timeline.ts';

export function silenceLanes(input: Bounds & { readonly silences: readonly Silence[] }): readonly Lane[] {
  const marks = input.silences
    .map(({ id, startsAt, endsAt, createdBy, comment }): Mark => ({
      shape: 'shade',
      from: Date.parse(startsAt),
      to: Date.parse(endsAt),
      tone: 'silence',
      text: () => `Silence of ${createdBy}: ${comment}`,
      opens: { of: 'silence', id },
    }))
    .filter((mark) => overlaps(mark, input));
  if (marks.length === 0) return [];
  return [
    {
      id: 'silences',
      sort: 'silence',
      label: 'Silences',
      leadsTo: undefined,
      detail: `${marks.length}`,
      marks: () => marks,
    },
  ];
}

interface Span {
  from: number;
  to: number | undefined;
}

/** When each alert fired, as the facts tell it, by fingerprint. */
function spansOf(facts: Facts): ReadonlyMap<string, readonly Span[]> {
  const spans = new Map<string, Span[]>();
  for (const fact of facts) {
    const fingerprint = textField(fact, 'fingerprint');
    if (fingerprint === undefined) continue;
    const time = Date.parse(fact.time);
    const own = spans.get(fingerprint) ?? [];
    const last = own.at(-1);
    if (fact.event === 'alert.new') {
      if (last === undefined || last.to !== undefined) own.push({ from: time, to: undefined });
    } else if (last !== undefined && last.to === undefined) last.to = time;
    spans.set(fingerprint, own);
  }
  return spans;
}

interface AlertsOfTime extends Bounds {
  readonly alerts: readonly Alert[];
  /** When alerts came and went. */
  readonly comings: Facts;
}

/** One lane for each name of alerts that fired within the time. */
export function alertLanes(input: AlertsOfTime): readonly Lane[] {
  const told = spansOf(input.comings);
  const [from, to] = [input.from, input.to].map((time) => new Date(time).toISOString()) as [string, string];
  const lanes = new Map<string, Alert[]>();
  for (const alert of input.alerts) {
    if (!told.has(alert.fingerprint ?? '') && !firedWithin(alert, from, to)) continue;
    const lane = lanes.get(alert.alertname);
    if (lane === undefined) lanes.set(alert.alertname, [alert]);
    else lane.push(alert);
  }
  return [...lanes].map(([name, alerts]) => alertLane(name, alerts, told, input)).filter((lane) => lane !== undefined);
}

/** Times of the API have one form, so their texts sort as they do. */
function firedWithin({ status, starts_at: start, ends_at: end }: Alert, from: string, to: string): boolean {
  return start !== undefined && start <= to && (status === 'firing' || (end !== undefined && end >= from));
}

function alertLane(
  alertname: string,
  alerts: readonly Alert[],
  told: ReadonlyMap<string, readonly Span[]>,
  bounds: Bounds,
): Lane | undefined {
  const marks = once(() =>
    alerts.flatMap((alert) =>
      alertSpans(alert, told.get(alert.fingerprint ?? '') ?? [])
        .map((span) => alertMark(alert, span))
        .filter((mark) => overlaps(mark, bounds)),
    ),
  );
  // An alert of which the facts alone tell may have fired outside of the time.
  if (alerts.length === 1 && marks().length === 0) return undefined;
  const firing = alerts.filter((alert) => ['firing', 'silenced'].includes(alertState(alert))).length;
  const { fingerprint: id } = alerts[0]!;
  return {
    id: `alert:${alertname}`,
    sort: 'alert',
    label: alertname,
    leadsTo: alerts.length === 1 && id !== undefined ? { selected: { of: 'alert', id } } : listOf(alertname),
    detail: firing > 0 ? `${firing.toLocaleString('en')} firing` : `${alerts.length.toLocaleString('en')} ended`,
    marks,
  };
}

function listOf(alertname: string): Partial<Link> {
  return { list: 'alerts', alert: equalMatcher('alertname', alertname) };
}

/** The stored alert knows when it began better than the facts do. */
function alertSpans(alert: Alert, told: readonly Span[]): readonly Span[] {
  const from = Date.parse(alert.starts_at ?? '');
  // Nobody knows how long one fired that is no longer stored.
  if (Number.isNaN(from)) return told.map((span) => ({ from: span.from, to: span.to ?? span.from }));
  const isOver = alert.status !== 'firing';
  const to = endOf(alert.ends_at, isOver);
  if (isOver && to === undefined) return told;
  // A sender that names no start at the end makes the end the start.
  const same = told.filter((span) => span.to === undefined || span.to >= from);
  const own = { from: Math.min(from, ...same.map((span) => span.from)), to };
  return [...told.filter((span) => !same.includes(span)), own];
}

function alertMark(alert: Alert, { from, to }: Span): Mark {
  const state = alertState(alert);
  const id = alert.fingerprint;
  return {
    shape: 'bar',
    from,
    to,
    tone: to !== undefined ? 'resolved' : state === 'silenced' ? 'silenced' : 'firing',
    text: () => showAlert(alert),
    opens: id === undefined ? undefined : { of: 'alert', id },
  };
}

/** The end of something that has not ended when the range does is left open, so that it grows with the clock. */
function endOf(text: string | undefined, isOver: boolean): number | undefined {
  return isOver && text !== undefined ? Date.parse(text) : undefined;
}
