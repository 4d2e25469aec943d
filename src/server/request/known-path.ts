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
export interface KnownPath {
  /** In its one spelling. */
  readonly path: string;
  /** `other` for every path that is told apart from none. */
  readonly route: string;
}

/** The API takes a slash behind a path, and an id in any escapes; every other path has one spelling, and stays as it is. */
export function knownPath(path: string): KnownPath {
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
