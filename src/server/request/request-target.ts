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
export function readTarget(prefix: string, target: string): RequestTarget {
  const url = originForm(target).replaceAll(unsafe, escapeOf);
  const queryAt = url.indexOf('?');
  const whole = queryAt < 0 ? url : url.slice(0, queryAt);
  if (!whole.startsWith(`${prefix}/`)) return { path: '', route: 'other', url };
  const known = knownPath(whole.slice(prefix.length));
  return { ...known, url: queryAt < 0 ? known.path : known.path + url.slice(queryAt) };
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

const idFolder = '/api/v2/silence/';
const idRoute = `${idFolder}:id`;

const routes: ReadonlySet<string> = new Set([
  '/api/v2/alerts',
  '/api/v2/alerts/groups',
  '/api/v2/status',
  '/api/v2/receivers',
  '/api/v2/silences',
  '/webhook',
  '/-/healthy',
  '/-/ready',
  '/-/reload',
  '/metrics',
]);

/** A path, and which of the routes that are told apart it belongs to. */
interface KnownPath {
  /** In its one spelling. */
  readonly path: string;
  /** `other` for every path that is told apart from none. */
  readonly route: string;
}

/** The API takes a slash behind a path, and an id in any escapes; every other path has one spelling, and stays as it is. */
function knownPath(path: string): KnownPath {
  const plain = path.startsWith('/api/v2/') && path.endsWith('/') ? path.slice(0, -1) : path;
  if (routes.has(plain)) return { path: plain, route: plain };
  const [, id] = /^\/api\/v2\/silence\/([^/]+)$/.exec(plain) ?? [];
  return id === undefined ? { path, route: 'other' } : { path: idFolder + canonicalId(id), route: idRoute };
}

/** Escapes that are broken, or no UTF-8, stand for themselves. */
function canonicalId(id: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(id));
  } catch {
    return id.replaceAll('%', '%25');
  }
}
