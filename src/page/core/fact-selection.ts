import type { Fact } from '../../explain/schema.ts';
import { pipelineKeyOf, textField } from './facts.ts';
import type { Selection } from './selection.ts';

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
