import type { JSX } from 'preact';
import type { Link } from '../core/link.ts';
import type { Tone } from '../core/fact-sentence.ts';
import type { Part, Sentence } from '../core/parts.ts';
import { healthWords, type Health } from '../core/pipelines.ts';
import type { Selection } from '../core/selection.ts';
import { ago, localTime, utcTime } from '../core/times.ts';
import { hrefOf } from '../edge/page-url.ts';
import { useActions, useLink, useNow } from './context.ts';

/** A time in local time, with UTC on hover. */
export function Time({ at, isAgo = false }: { readonly at: string | number; readonly isAgo?: boolean }): JSX.Element {
  const now = useNow();
  const time = typeof at === 'number' ? at : Date.parse(at);
  const [local, utc] = [localTime(time, now), utcTime(time)];
  const title = isAgo ? `${local} local time, ${utc}` : utc;
  return (
    <time dateTime={Number.isNaN(time) ? undefined : new Date(time).toISOString()} title={title}>
      {isAgo ? ago(time, now) : local}
    </time>
  );
}

interface PageLinkProps {
  /** What is another on the page that it leads to. */
  readonly to: Partial<Link>;
  readonly children: preact.ComponentChildren;
  readonly class?: string | undefined;
  readonly tabIndex?: number | undefined;
}

/** A link within the page; as a link it can be copied, or opened in another tab. */
export function PageLink({ to, children, class: name, tabIndex }: PageLinkProps): JSX.Element {
  const [link, { open, change }] = [useLink(), useActions()];
  const onClick = (event: MouseEvent): void => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    if (to.selected === undefined) change(to);
    else open(to.selected);
  };
  return (
    <a href={hrefOf({ ...link, ...to })} class={name} tabIndex={tabIndex} onClick={onClick}>
      {children}
    </a>
  );
}

interface OpenLinkProps extends Omit<PageLinkProps, 'to'> {
  readonly opens: Selection;
}

/** A link that opens something in the panel. */
export function OpenLink({ opens, ...rest }: OpenLinkProps): JSX.Element {
  return <PageLink to={{ selected: opens }} {...rest} />;
}

/** @param isPlain true where the whole row is a link already */
export function Words({ of, isPlain = false }: { readonly of: Sentence; readonly isPlain?: boolean }): JSX.Element {
  return <>{of.map((part) => word(part, isPlain))}</>;
}

/** What has a name of its own: it stands out where it is no link. */
const named: ReadonlySet<Selection['of']> = new Set(['pipeline', 'alert']);

function word(part: Part, isPlain: boolean): preact.ComponentChild {
  if (typeof part === 'string') return part;
  if ('time' in part) return <Time at={part.time} />;
  if ('strong' in part) return <strong>{part.strong}</strong>;
  if ('code' in part) return <span class="name">{part.code}</span>;
  if (isPlain) return named.has(part.opens.of) ? <b>{part.text}</b> : part.text;
  return <OpenLink opens={part.opens}>{part.text}</OpenLink>;
}

type ShapeName = Health | Tone;

const paths: Readonly<Record<'disc' | 'ring' | 'triangle' | 'diamond' | 'dot', JSX.Element>> = {
  disc: <circle cx="8" cy="8" r="5" />,
  ring: <circle cx="8" cy="8" r="4.5" fill="none" stroke="currentColor" stroke-width="2" />,
  triangle: <path d="M8 2 15 14H1z" />,
  diamond: <path d="M8 1.5 14.5 8 8 14.5 1.5 8z" />,
  dot: <circle cx="8" cy="8" r="2.5" />,
};

const shapes: Readonly<Record<ShapeName, keyof typeof paths>> = {
  unhealthy: 'triangle',
  bad: 'triangle',
  unknown: 'diamond',
  warn: 'diamond',
  none: 'ring',
  healthy: 'disc',
  good: 'disc',
  plain: 'dot',
  quiet: 'dot',
};

/** A sign that differs in shape as well as in colour. What it means stands beside it, or in `words`. */
export function Sign({ of, words }: { readonly of: ShapeName; readonly words?: string }): JSX.Element {
  return (
    <svg
      class={`sign ${of}`}
      viewBox="0 0 16 16"
      fill="currentColor"
      {...(words === undefined ? { 'aria-hidden': 'true' } : { role: 'img', 'aria-label': words })}
    >
      {paths[shapes[of]]}
    </svg>
  );
}

export function HealthBadge({ health }: { readonly health: Health }): JSX.Element {
  return (
    <span class={`badge ${health}`}>
      <Sign of={health} />
      {healthWords[health]}
    </span>
  );
}
