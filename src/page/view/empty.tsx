import type { JSX } from 'preact';
import type { List } from '../core/link.ts';
import type { Failure } from '../core/state.ts';
import { usePage } from './context.ts';

interface EmptyProps {
  readonly list: List;
  readonly isReady: boolean;
  readonly failure: Failure | undefined;
  readonly isFiltered: boolean;
}

/** What to do when there is nothing. */
export function Empty({ list, isReady, failure, isFiltered }: EmptyProps): JSX.Element {
  const { change } = usePage();
  if (failure !== undefined) return <p class="empty">{failure.message}</p>;
  if (!isReady) return <p class="empty">Looking…</p>;
  if (isFiltered && list !== 'payloads' && list !== 'silences')
    return (
      <p class="empty">
        Nothing passes the filters.{' '}
        <button type="button" onClick={() => change({ kind: '', name: '', state: '', alert: '' })}>
          Clear filters
        </button>
      </p>
    );
  return <div class="empty">{words[list]}</div>;
}

const words: Readonly<Record<List, JSX.Element>> = {
  pipelines: (
    <>
      <p>There are no pipelines, so alerts wake nobody.</p>
      <p>
        In a cluster, apply a TracePipeline, MetricPipeline or LogPipeline, and see the <code>pipelines</code> section
        of the configuration. Without one, put a manifest into the folder of <code>pipelines.folder</code>, such as{' '}
        <code>examples/pipelines/tracepipeline.yaml</code>.
      </p>
    </>
  ),
  alerts: (
    <>
      <p>No alert has come yet.</p>
      <p>
        Name Tocsin among the <code>alertmanagers</code> of Prometheus. “Test alert…” above shows whether the way behind
        that is open.
      </p>
    </>
  ),
  facts: (
    <>
      <p>Nothing happened in this time, as far as the history knows.</p>
      <p>
        Choose a longer time. If <code>history.retention</code> is 0s in the configuration, nothing is kept: give it a
        length, such as 24h.
      </p>
    </>
  ),
  payloads: (
    <>
      <p>No body is kept.</p>
      <p>
        None has come since the start, or <code>history.payloads</code> is 0 in the configuration.
      </p>
    </>
  ),
  silences: (
    <>
      <p>There are no silences.</p>
      <p>A silence keeps alerts from waking anybody. Open an alert, or choose “Silence…” above, to create one.</p>
    </>
  ),
};
