import type { JSX } from 'preact';
import { boundsOf, filterCount, lists, type List } from '../core/link.ts';
import type { State } from '../core/state.ts';
import { hrefOf } from '../edge/page-url.ts';
import { usePage } from './context.ts';
import { Empty } from './empty.tsx';
import { FilterBar } from './filter-bar.tsx';
import { AlertTable, PipelineTable } from './lists.tsx';
import { FactTable, PayloadTable, SilenceTable } from './more-lists.tsx';
import { useShown, type Shown } from './shown.ts';
import { TimelineSection } from './timeline-section.tsx';
import { Problems, Top } from './top.tsx';

/** Everything but the panel. */
export function Main(): JSX.Element {
  const { state, link, now } = usePage();
  const shown = useShown();
  const { pipelines, alerts, facts, silences, lanes } = shown;
  // What was left out may be older than the time that is looked at.
  const oldest = Date.parse(state.facts.value[0]?.time ?? '');
  const isCut = state.facts.isCut === true && oldest > boundsOf(link.range, now).from;
  const sizes = {
    pipelines: pipelines.length,
    alerts: alerts.length,
    facts: facts.length,
    payloads: state.payloads.value.length,
    silences: silences.length,
  };
  return (
    <>
      <Top counts={state.pipelines.isReady ? shown.counts : undefined} />
      <main>
        <Problems />
        <FilterBar kinds={shown.kinds} />
        <TimelineSection
          lanes={lanes}
          isReady={state.facts.isReady || state.facts.failure !== undefined}
          isCut={isCut}
        />
        <Tabs sizes={sizes} />
        <section aria-label={tabWords[link.list]} class="list">
          {link.list === 'facts' && <StepsChoice />}
          <Notes />
          {sizes[link.list] > 0 ? tableOf(link.list, shown, state) : <NoRows />}
        </section>
      </main>
    </>
  );
}

function tableOf(list: List, { pipelines, alerts, facts, silences }: Shown, { payloads }: State): JSX.Element {
  switch (list) {
    case 'pipelines':
      return <PipelineTable items={pipelines} />;
    case 'alerts':
      return <AlertTable items={alerts} />;
    case 'facts':
      return <FactTable items={facts} />;
    case 'payloads':
      return <PayloadTable items={payloads.value} />;
    case 'silences':
      return <SilenceTable items={silences} />;
  }
}

function NoRows(): JSX.Element {
  const { state, link } = usePage();
  const { isReady, failure } = state[link.list];
  return <Empty list={link.list} isReady={isReady} failure={failure} isFiltered={filterCount(link) > 0} />;
}

const tabWords: Readonly<Record<List, string>> = {
  pipelines: 'Pipelines',
  alerts: 'Alerts',
  facts: 'What happened',
  payloads: 'Payloads',
  silences: 'Silences',
};

function Tabs({ sizes }: { readonly sizes: Readonly<Record<List, number>> }): JSX.Element {
  const { link, change } = usePage();
  return (
    <nav class="tabs" aria-label="Lists">
      <ul>
        {lists.map((list) => (
          <li key={list}>
            <a
              href={hrefOf({ ...link, list })}
              aria-current={link.list === list ? 'page' : undefined}
              onClick={(event) => {
                if (event.metaKey || event.ctrlKey || event.shiftKey) return;
                event.preventDefault();
                change({ list });
              }}
            >
              {tabWords[list]} <span class="count">{sizes[list].toLocaleString('en')}</span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** What the list does not have, so that nobody takes it for the whole. */
function Notes(): JSX.Element {
  const { link, state } = usePage();
  const { kind, name, state: health, list } = link;
  const isOfPipelines = kind !== '' || name !== '' || health !== '';
  const notes = [
    list === 'alerts' && isOfPipelines && 'Kind, name and state choose pipelines. The filter “Alert” chooses alerts.',
    list === 'alerts' &&
      state.alerts.isCut === true &&
      'There are more alerts than these. The filter “Alert” finds the others.',
    list === 'pipelines' &&
      state.pipelines.isCut === true &&
      'There are more pipelines than these: see GET /api/tocsin/v1/pipelines.',
    state.matching?.isCut === true && 'More match the filter “Alert” than the page reads: name more labels.',
  ].filter((note) => note !== false);
  return (
    <>
      {notes.map((note) => (
        <p class="note" key={note}>
          {note}
        </p>
      ))}
    </>
  );
}

function StepsChoice(): JSX.Element {
  const { link, change } = usePage();
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={link.steps}
        onChange={({ currentTarget }) => change({ steps: currentTarget.checked })}
      />
      <span>Every step on the way: events, queries, runs that changed nothing</span>
    </label>
  );
}
