import type { JSX } from 'preact';
import type { Lane } from '../core/timeline.ts';
import { usePage } from './context.ts';
import { Plot } from './plot.tsx';

interface TimelineProps {
  readonly lanes: readonly Lane[];
  readonly isReady: boolean;
  readonly isCut: boolean;
}

export function TimelineSection({ lanes, isReady, isCut }: TimelineProps): JSX.Element {
  const { change, link } = usePage();
  return (
    <section aria-labelledby="timeline" class="timeline">
      <div class="section-head">
        <h2 id="timeline">Timeline</h2>
        <Legend />
        {!('last' in link.range) && (
          <button type="button" class="quiet" onClick={() => change({ range: { last: 3_600_000 } })}>
            Back to now
          </button>
        )}
      </div>
      {lanes.length === 0 ? (
        <p class="empty">{isReady ? nothingHappened : 'The history is being read…'}</p>
      ) : (
        <Plot {...{ lanes }} />
      )}
      {isCut && (
        <p class="note">
          More happened in this time than the page keeps: what is oldest is left out. Choose a shorter time to see it.
        </p>
      )}
    </section>
  );
}

const nothingHappened =
  'Nothing happened in this time, as far as the history knows. Choose a longer time; or, if history.retention is 0s in the configuration, give it a length, such as 24h.';

function Legend(): JSX.Element {
  const entries = [
    ['bar', 'alert'],
    ['shade', 'silence'],
    ['health', 'unhealthy'],
    ['flag', 'condition changed'],
    ['tick', 'run'],
  ] as const;
  return (
    <ul class="legend" aria-label="Signs in the timeline">
      {entries.map(([name, text]) => (
        <li key={name}>
          <span class={`key ${name}`} aria-hidden="true" />
          {text}
        </li>
      ))}
    </ul>
  );
}
