import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { textField } from '../core/facts.ts';
import { selectionText, type Selection } from '../core/selection.ts';
import type { State } from '../core/state.ts';
import { AlertPanel } from './alert-panel.tsx';
import { usePage } from './context.ts';
import { EventPanel, RequestPanel } from './request-panel.tsx';
import { PipelinePanel } from './pipeline-panel.tsx';
import { RunPanel } from './run-panel.tsx';
import { SilencePanel } from './silence-panel.tsx';

const titles: Readonly<Record<Selection['of'], string>> = {
  pipeline: 'Pipeline',
  run: 'Run',
  alert: 'Alert',
  silence: 'Silence',
  request: 'Request',
  event: 'Event',
};

/** Why: about what is open. It takes the focus, and Escape gives it back. */
export function Panel({ selected }: { readonly selected: Selection }): JSX.Element {
  const { open, state } = usePage();
  const title = useRef<HTMLHeadingElement>(null);
  const text = selectionText(selected);
  useEffect(() => title.current?.focus({ preventScroll: true }), [text]);
  return (
    <aside class="panel" aria-labelledby="panel-title" key={text}>
      <div class="panel-head">
        <h2 id="panel-title" tabIndex={-1} ref={title}>
          <span class="panel-kind">{kindOf(selected)}</span> <span class="panel-name">{nameOf(selected, state)}</span>
        </h2>
        <button
          type="button"
          class="quiet close"
          aria-label="Close"
          title="Close (Escape)"
          onClick={() => open(undefined)}
        >
          ✕
        </button>
      </div>
      <div class="panel-body">{bodyOf(selected)}</div>
    </aside>
  );
}

/** The id stands small: it is for copying. */
function kindOf(selected: Selection): string {
  const id = selected.of === 'pipeline' ? '' : ` ${selected.id}`;
  return `${titles[selected.of]}${id}`;
}

function nameOf(selected: Selection, { alerts, alertNews, silences }: State): string {
  switch (selected.of) {
    case 'pipeline':
    case 'run':
      return selected.pipeline;
    case 'alert': {
      const labels = alerts.value.get(selected.id)?.labels ?? {};
      const news = alertNews.get(selected.id)?.fact;
      return labels['alertname'] ?? (news && textField(news, 'alertname')) ?? selected.id;
    }
    case 'silence': {
      const silence = silences.value.find(({ id }) => id === selected.id);
      return silence === undefined ? selected.id : `of ${silence.createdBy}`;
    }
    default:
      return selected.of === 'event' ? 'Alerts that went together' : 'What came in';
  }
}

function bodyOf(selected: Selection): JSX.Element {
  switch (selected.of) {
    case 'pipeline':
      return <PipelinePanel id={selected.pipeline} />;
    case 'run':
      return <RunPanel pipeline={selected.pipeline} id={selected.id} />;
    case 'alert':
      return <AlertPanel id={selected.id} />;
    case 'silence':
      return <SilencePanel id={selected.id} />;
    case 'request':
      return <RequestPanel id={selected.id} />;
    case 'event':
      return <EventPanel id={selected.id} />;
  }
}
