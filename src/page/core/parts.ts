import type { Alert, PipelineName } from '../../explain/schema.ts';
import { showAlert, showPipeline } from '../../explain/words.ts';
import type { Selection } from './selection.ts';

/** A sentence for a view: text, times, names in bold, and words that open something in the panel. */
export type Part =
  | string
  | { readonly time: string }
  | { readonly strong: string }
  /** Words of somebody else, or a name: shown in another type. */
  | { readonly code: string }
  | { readonly text: string; readonly opens: Selection };

export type Sentence = readonly Part[];

/** The sentence as it is read aloud; a time is its text in UTC. */
export function plain(sentence: Sentence): string {
  return sentence
    .map((part) => {
      if (typeof part === 'string') return part;
      if ('time' in part) return part.time;
      if ('strong' in part) return part.strong;
      return 'code' in part ? part.code : part.text;
    })
    .join('');
}

export function pipelinePart(name: PipelineName): Part {
  const text = showPipeline(name);
  return { text, opens: { of: 'pipeline', pipeline: text } };
}

export function runPart(name: PipelineName, id: string, text = `run ${id}`): Part {
  return { text, opens: { of: 'run', pipeline: showPipeline(name), id } };
}

/** An alert whose labels were shortened has no fingerprint, so it opens nothing. */
export function alertPart(alert: Pick<Alert, 'fingerprint' | 'alertname' | 'labels'>, isBrief = false): Part {
  const text = isBrief ? alert.alertname : showAlert(alert);
  if (alert.fingerprint === undefined) return { code: text };
  return { text, opens: { of: 'alert', id: alert.fingerprint } };
}

export function silencePart(id: string): Part {
  return { text: `silence ${id.slice(0, 8)}`, opens: { of: 'silence', id } };
}

export function requestPart(id: string): Part {
  return { text: `request ${id}`, opens: { of: 'request', id } };
}

/** `a, b and c`; of many, the first and how many more. */
export function listed(parts: readonly Part[], most = 3): Sentence {
  const shown = parts.length > most ? parts.slice(0, most) : parts;
  const rest = parts.length - shown.length;
  const all: readonly Part[] = rest > 0 ? [...shown, `${rest} more`] : shown;
  return all.flatMap((part, index): readonly Part[] => {
    if (index === 0) return [part];
    return [index === all.length - 1 ? ' and ' : ', ', part];
  });
}

/** `1 alert`, `2 alerts`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
