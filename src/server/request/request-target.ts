/**
 * The target of a request in the one spelling that gate, metrics and routes see. None of them reads the target itself, so they
 * cannot disagree.
 */
interface RequestTarget extends KnownPath {
  /** As a route or a rule writes it, without the route prefix; '' if it is outside the prefix. */
  readonly path: string;
  /** That path, or the whole path if it is outside, and the query. Every URL parser splits it the same way. */
  readonly url: string;
}

/**
 * Reads the target of a request as Go does: a "#" begins no fragment but belongs to path or query, and of an absolute form (RFC
 * 9112, 3.2.2) only the part after the host counts.
 * @param prefix the prefix of every path: '' or `/prefix`
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

/** All characters that some parser treats as an end or a blank. */
const unsafe = /[^!"$-~]/g;

/** A target consists of bytes: each character is one. */
function escapeOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Knowledge about the paths that have a route. All paths are without the route prefix. */
export interface KnownPaths {
  find(path: string): KnownPath;
  /** True below a folder of the API, even if the path has no route. */
  isApi(path: string): boolean;
  /** True for a path that reports whether the process lives. */
  isHealth(path: string): boolean;
}

/** A path and its route. */
export interface KnownPath {
  /** The path in its one spelling. */
  readonly path: string;
  /** The name in the metrics; `other` for every path without a route. */
  readonly route: string;
}
