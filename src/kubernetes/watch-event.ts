import { ApiError } from './api-error.ts';
import { excerpt } from '../excerpt.ts';
import type { ApiObject } from './pipeline-object.ts';
import type { ObjectEvent } from './watch-cache.ts';

export type WatchEvent =
  | { readonly type: ObjectEvent; readonly object: ApiObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/**
 * One line of a watch. Throws ApiError for an event ERROR, with the status that it carries, and for what is no event:
 * then the stream cannot be trusted any more.
 */
export function readWatchEvent(line: string): WatchEvent {
  const { type, object } = parse(line);
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (typeof object?.metadata?.name === 'string' && isVersion(object)) return { type, object };
      throw notAnEvent(line);
    case 'BOOKMARK':
      if (isVersion(object)) return { type, resourceVersion: object?.metadata?.resourceVersion ?? '' };
      throw notAnEvent(line);
    case 'ERROR':
      throw errorEvent(object);
    default:
      throw notAnEvent(line);
  }
}

interface Line {
  readonly type?: unknown;
  readonly object?:
    (ApiObject & { readonly code?: unknown; readonly reason?: unknown; readonly message?: unknown }) | null;
}

function parse(line: string): Line {
  try {
    const found: unknown = JSON.parse(line);
    if (typeof found === 'object' && found !== null) return found;
  } catch {
    // no event either
  }
  throw notAnEvent(line);
}

function isVersion(object: Line['object']): boolean {
  const version = object?.metadata?.resourceVersion;
  return typeof version === 'string' && version !== '';
}

function errorEvent(object: Line['object']): ApiError {
  const { code, reason, message } = object ?? {};
  const status = typeof code === 'number' ? code : undefined;
  const name = typeof reason === 'string' ? reason : 'Unknown';
  const text = excerpt(typeof message === 'string' ? message : JSON.stringify(object ?? null));
  return new ApiError(`the watch was ended by the server: ${status ?? ''} ${name}: ${text}`, { status, reason: name });
}

function notAnEvent(line: string): ApiError {
  return new ApiError(`a line of the watch is no event: ${excerpt(line)}`, { reason: 'NotJson' });
}
