import { useMemo } from 'preact/hooks';
import type { Alert, Fact, Pipeline } from '../../explain/schema.ts';
import { chosenAlerts } from '../core/alerts.ts';
import { chosenFacts } from '../core/chosen-facts.ts';
import { currentAlerts, currentPipelines } from '../core/current.ts';
import { boundsOf } from '../core/link.ts';
import { chosenPipelines, countPipelines, kindsOf, type Counts } from '../core/pipelines.ts';
import type { Silence } from '../core/state.ts';
import { alertLanes, silenceLanes } from '../core/alert-lanes.ts';
import { pipelineLanes } from '../core/pipeline-lanes.ts';
import type { Lane } from '../core/timeline.ts';
import { usePage } from './context.ts';

/** What the state and the URL come to together. */
export interface Shown {
  /** Of all pipelines, whatever the filters choose. */
  readonly counts: Counts;
  readonly kinds: readonly string[];
  readonly pipelines: readonly Pipeline[];
  readonly alerts: readonly Alert[];
  readonly facts: readonly Fact[];
  readonly silences: readonly Silence[];
  readonly lanes: readonly Lane[];
}

/** Worked out again only where what it depends on has changed. */
export function useShown(): Shown {
  const { state, link, now } = usePage();
  const { matching, facts: read, changes, comings } = state;
  const all = useMemo(() => currentPipelines(state), [state.pipelines, state.news]);
  const known = useMemo(() => currentAlerts(state), [state.alerts, state.alertNews]);
  const { kind, name, state: health, alert, steps, range } = link;
  const pipelines = useMemo(() => chosenPipelines(all, link, matching), [all, kind, name, health, alert, matching]);
  const alerts = useMemo(() => chosenAlerts(known, link, matching), [known, alert, matching]);
  const { from, to } = boundsOf(range, now);
  // What comes between two moves of the clock is shown, too.
  const until = 'last' in range ? Number.POSITIVE_INFINITY : to;
  const facts = useMemo(
    () => chosenFacts(read.value, from, until, { link, pipelines, matching }),
    [read.value, from, until, kind, name, health, alert, steps, pipelines, matching],
  );
  const silences = useMemo(() => sortedSilences(state.silences.value), [state.silences.value]);
  const silenceRows = useMemo(() => silenceLanes({ silences, from, to }), [silences, from, to]);
  const alertRows = useMemo(() => alertLanes({ alerts, comings, from, to }), [alerts, comings, from, to]);
  const pipelineRows = useMemo(
    () => pipelineLanes({ pipelines, facts: read.value, changes, from, to }),
    [pipelines, read.value, changes, from, to],
  );
  const lanes = useMemo(() => [...silenceRows, ...alertRows, ...pipelineRows], [silenceRows, alertRows, pipelineRows]);
  const summary = useMemo(() => ({ counts: countPipelines(all), kinds: kindsOf(all) }), [all]);
  return { ...summary, pipelines, alerts, facts, silences, lanes };
}

const order = ['active', 'pending', 'expired'];

function sortedSilences(silences: readonly Silence[]): readonly Silence[] {
  return silences.toSorted((a, b) => rank(a) - rank(b) || (a.endsAt > b.endsAt ? -1 : 1));
}

function rank({ status }: Silence): number {
  return order.indexOf(status.state);
}
