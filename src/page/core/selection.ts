import type { Fact } from '../../explain/schema.ts';
import { pipelineKeyOf, textField } from './facts.ts';

/** What is open in the panel. Its text is a part of the URL. */
export type Selection =
  | { readonly of: 'pipeline'; readonly pipeline: string }
  | { readonly of: 'run'; readonly pipeline: string; readonly id: string }
  | { readonly of: 'alert'; readonly id: string }
  | { readonly of: 'silence'; readonly id: string }
  /** A request, and the body that came with it. */
  | { readonly of: 'request'; readonly id: string }
  | { readonly of: 'event'; readonly id: string };

const plainKinds = ['alert', 'silence', 'request', 'event'] as const;

/** Such as `run:TracePipeline/backend:34d8991a`. */
export function selectionText(selection: Selection): string {
  switch (selection.of) {
    case 'pipeline':
      return `pipeline:${selection.pipeline}`;
    case 'run':
      return `run:${selection.pipeline}:${selection.id}`;
    default:
      return `${selection.of}:${selection.id}`;
  }
}

/** Undefined for a text that is none: a link that was cut off opens nothing. */
export function readSelection(text: string): Selection | undefined {
  const [, of = '', rest = ''] = /^([a-z]+):(.+)$/s.exec(text) ?? [];
  if (of === 'pipeline') return { of, pipeline: rest };
  const [, pipeline, id] = /^(.+):([^:]+)$/s.exec(rest) ?? [];
  if (of === 'run') return pipeline === undefined || id === undefined ? undefined : { of, pipeline, id };
  const kind = plainKinds.find((each) => each === of);
  return kind === undefined ? undefined : { of: kind, id: rest };
}

export function isSameSelection(one: Selection | undefined, other: Selection | undefined): boolean {
  return one === other || (one !== undefined && other !== undefined && selectionText(one) === selectionText(other));
}

/** What a fact in a list opens: what it is about, or else the request or the event that it belongs to. */
export function factSelection(fact: Fact): Selection | undefined {
  const run = textField(fact, 'run');
  const pipeline = pipelineKeyOf(fact);
  if (pipeline !== undefined)
    return run === undefined ? { of: 'pipeline', pipeline } : { of: 'run', pipeline, id: run };
  return named(fact, 'fingerprint', 'alert') ?? named(fact, 'silence', 'silence') ?? request(fact);
}

function request(fact: Fact): Selection | undefined {
  return named(fact, 'event_id', 'event') ?? named(fact, 'request_id', 'request');
}

function named(fact: Fact, field: string, of: 'alert' | 'silence' | 'event' | 'request'): Selection | undefined {
  const id = textField(fact, field);
  return id === undefined ? undefined : { of, id };
}
