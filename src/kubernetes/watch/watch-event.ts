import type { Selection } from '../../text/json-selection.ts';
import { excerpt } from '../../text/excerpt.ts';
import { ApiError } from '../api/api-error.ts';
import { isApiObject, isJsonObject, objectMembers } from '../kept-object.ts';
import type { ApiObject } from '../pipeline-object.ts';
import type { ObjectEvent } from './watch-cache.ts';

export type WatchEvent =
  | { readonly type: ObjectEvent; readonly object: ApiObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/** What is needed of one line of a watch: of an object, and of the Status of an ERROR. */
export const watchEventSelection: Selection = {
  members: {
    type: 'scalar',
    object: { members: { ...objectMembers, code: 'scalar', reason: 'scalar', message: 'scalar' } },
  },
};

/**
 * What was selected of one line of a watch, as an event. Throws ApiError for an event ERROR, with the status that it carries, and for
 * what is no event: then the stream cannot be trusted any more.
 * @param line its beginning, for the message
 */
export function readWatchEvent(found: unknown, line: string): WatchEvent {
  const { type, object } = isJsonObject(found) ? found : {};
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (isApiObject(object) && versionOf(object) !== undefined) return { type, object };
      throw notAnEvent(line);
    case 'BOOKMARK': {
      const resourceVersion = versionOf(object);
      if (resourceVersion !== undefined) return { type, resourceVersion };
      throw notAnEvent(line);
    }
    case 'ERROR':
      throw errorEvent(object, line);
    default:
      throw notAnEvent(line);
  }
}

export function notAnEvent(line: string): ApiError {
  return new ApiError(`a line of the watch is no event: ${excerpt(line)}`, { reason: 'NotJson' });
}

function versionOf(object: unknown): string | undefined {
  const { metadata } = isJsonObject(object) ? object : {};
  const { resourceVersion } = isJsonObject(metadata) ? metadata : {};
  return typeof resourceVersion === 'string' && resourceVersion !== '' ? resourceVersion : undefined;
}

function errorEvent(object: unknown, line: string): ApiError {
  const { code, reason, message } = isJsonObject(object) ? object : {};
  const status = typeof code === 'number' ? code : undefined;
  const name = typeof reason === 'string' ? reason : 'Unknown';
  const text = excerpt(typeof message === 'string' ? message : line);
  return new ApiError(`the watch was ended by the server: ${status ?? ''} ${name}: ${text}`, { status, reason: name });
}
