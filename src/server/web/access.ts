/** By path, or by `/folder/*`: whether it is open to everybody. */
export type AccessRules = ReadonlyMap<string, 'open' | 'protected'>;

/** The kubelet asks these, and has no password. */
const defaults: AccessRules = new Map([
  ['/-/healthy', 'open'],
  ['/-/ready', 'open'],
]);

/**
 * True if a path needs neither password nor token. The rule for the path itself wins, then the one for the nearest folder
 * above it, then the default; everything else is protected. Paths are compared letter by letter, so that another spelling
 * of an open path is a protected one, unless the routes take both for the same: then `path` is the same for both.
 * @param path without the route prefix, as the routes see it; '' for one that is outside
 */
export function isOpen(rules: AccessRules, path: string): boolean {
  const rule = rules.get(path) ?? folderRule(rules, path) ?? defaults.get(path);
  return rule === 'open';
}

function folderRule(rules: AccessRules, path: string): 'open' | 'protected' | undefined {
  if (rules.size === 0) return undefined;
  for (let end = path.lastIndexOf('/'); end >= 0; end = end === 0 ? -1 : path.lastIndexOf('/', end - 1)) {
    const rule = rules.get(`${path.slice(0, end)}/*`);
    if (rule !== undefined) return rule;
  }
  return undefined;
}
