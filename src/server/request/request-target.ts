/**
 * What a request asks for, in the one spelling that gate, metrics and routes see: none of them reads the target itself, so
 * none is of another opinion than the others.
 */
interface RequestTarget extends KnownPath {
  /** As a route or a rule writes it, without the route prefix; '' if it is outside of the prefix. */
  readonly path: string;
  /** That path, or the whole one if it is outside, and the query. Every parser of URLs splits it alike. */
  readonly url: string;
}

/**
 * Reads the target of a request as Go does: a "#" begins no fragment but is part of path or query, and of an absolute form
 * (RFC 9112, 3.2.2) only what follows the host counts.
 * @param prefix what stands before every path: '' or `/prefix`
 */
export function readTarget(prefix: string, target: string, known: KnownPaths): RequestTarget {
  const url = originForm(target).replaceAll(unsafe, escapeOf);
  const queryAt = url.indexOf('?');
  const whole = queryAt < 0 ? url : url.slice(0, queryAt);
  if (!whole.startsWith(`${prefix}/`)) return { path: '', route: 'other', url };
  const { path, route } = known.find(whole.slice(prefix.length));
  return { path, route, url: queryAt < 0 ? path : path + url.slice(queryAt) };
}

function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const rest = target.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?]*/i, '');
  return rest === '' || rest.startsWith('?') ? `/${rest}` : rest;
}

/** All that some parser takes for an end or a blank. */
const unsafe = /[^!"$-~]/g;

/** A target is of bytes: each character is one. */
function escapeOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** What is known of the paths at which something is offered. All paths are without the route prefix. */
export interface KnownPaths {
  find(path: string): KnownPath;
  /** True below a folder of the API, whether something is offered there or not. */
  isApi(path: string): boolean;
  /** True for what tells whether the process lives. */
  isHealth(path: string): boolean;
}

/** A path, and which of the routes that are told apart it belongs to. */
export interface KnownPath {
  /** In its one spelling. */
  readonly path: string;
  /** As the metrics name it; `other` for every path at which nothing is offered. */
  readonly route: string;
}
