import type { Problem } from '../../explain/schema-status.ts';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { headline, type Counts } from '../core/pipelines.ts';
import { ago, localTime, utcTime } from '../core/times.ts';
import { useActions, usePage } from './context.ts';
import { Sign, Time } from './words.tsx';

/** The name, what a person wants to know first, whether the page is live, and the actions. */
export function Top({ counts }: { readonly counts: Counts | undefined }): JSX.Element {
  const { show } = usePage();
  const told = counts === undefined ? 'Looking…' : headline(counts);
  useEffect(() => void (document.title = counts === undefined ? 'Tocsin' : `${told} – Tocsin`), [counts, told]);
  const isBad = counts !== undefined && counts.unhealthy > 0;
  const isUnsure = counts !== undefined && counts.unknown + counts.none > 0;
  return (
    <header class="top">
      <div class="brand">
        <h1>
          <Bell /> Tocsin
        </h1>
        <p class="headline" aria-live="polite">
          {counts !== undefined && counts.all > 0 && <Sign of={isBad ? 'bad' : isUnsure ? 'warn' : 'good'} />}
          {told}
        </p>
      </div>
      <ConnectionState />
      <div class="actions">
        <button type="button" onClick={() => show({ of: 'silence', labels: {} })}>
          Silence…
        </button>
        <button type="button" onClick={() => show({ of: 'reconcile' })}>
          Reconcile all…
        </button>
        <button type="button" onClick={() => show({ of: 'test' })}>
          Test alert…
        </button>
        <button type="button" class="quiet" aria-label="Keys" title="Keys" onClick={() => show({ of: 'help' })}>
          ?
        </button>
      </div>
    </header>
  );
}

function Bell(): JSX.Element {
  return (
    <svg
      class="bell"
      viewBox="0 0 24 24"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linejoin="round"
    >
      <path d="M12 3.2c-3.4 0-5.4 2.6-5.6 6-.2 3.9-1 5.8-2.6 7.6h16.4c-1.6-1.8-2.4-3.7-2.6-7.6-.2-3.4-2.2-6-5.6-6z" />
      <path d="M9.8 19.4a2.3 2.3 0 0 0 4.4 0M12 3.2V1.6" stroke-linecap="round" />
    </svg>
  );
}

function ConnectionState(): JSX.Element {
  const { state, now } = usePage();
  const { connection } = state;
  const { since } = connection;
  if (connection.state === 'lost')
    return (
      <p class="connection lost" role="status">
        <Sign of="warn" />
        <span>
          Connection lost since <span title={utcTime(since)}>{localTime(since, now)}</span> ({ago(since, now)}).{' '}
          {connection.why ?? ''} What you see may be old; the page tries again.
        </span>
      </p>
    );
  return (
    <p class={`connection ${connection.state}`} role="status">
      <Sign of={connection.state === 'live' ? 'good' : 'none'} />
      {connection.state === 'live' ? 'Live' : 'Connecting…'}
    </p>
  );
}

/** What is wrong with Tocsin itself, and with what the page could read. */
export function Problems(): JSX.Element | null {
  const { state } = usePage();
  const { problems, gap, connection } = state;
  const failures = (['pipelines', 'alerts', 'facts', 'silences'] as const).flatMap((what) => {
    const { failure } = state[what];
    const isTold = failure === undefined || (connection.state === 'lost' && failure.status === undefined);
    return isTold ? [] : [failure.message];
  });
  if (problems.length === 0 && failures.length === 0 && gap === undefined) return null;
  return (
    <section class="problems" aria-label="Problems">
      <ul>
        {[...new Set(failures)].map((message) => (
          <li key={message}>
            <Sign of="bad" /> <span>{message}</span>
          </li>
        ))}
        {problems.map((problem) => (
          <ProblemLine key={problem.name + problem.message} problem={problem} />
        ))}
        {gap !== undefined && <Gap at={gap} />}
      </ul>
    </section>
  );
}

function ProblemLine({ problem }: { readonly problem: Problem }): JSX.Element {
  const { severity, since, message, advice } = problem;
  return (
    <li>
      <Sign of={severity === 'warning' ? 'warn' : 'none'} words={severity === 'warning' ? 'Problem:' : 'To know:'} />
      <span>
        {severity === 'warning' ? <strong>{message}</strong> : message}{' '}
        <span class="under">
          Since <Time at={since} />.
        </span>{' '}
        {advice}
      </span>
    </li>
  );
}

function Gap({ at }: { readonly at: number }): JSX.Element {
  const { dismissGap } = useActions();
  return (
    <li>
      <Sign of="warn" />
      <span>
        Lines of the history were forgotten before this page had read them: it was full, or is a new one (
        <Time at={at} />
        ). What is shown has been read anew.
      </span>
      <button type="button" class="quiet close" aria-label="Dismiss" onClick={dismissGap}>
        ✕
      </button>
    </li>
  );
}
