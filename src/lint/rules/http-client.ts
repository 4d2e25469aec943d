import { showPath } from '../../config/settings/show-value.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { FileShape, type Spot } from '../shape.ts';
import type { YamlValue } from '../yaml-value.ts';

/** Ways to log in, of which a section may have one. */
const logins = ['basic_auth', 'authorization', 'oauth2', 'sigv4', 'azuread', 'google_iam'];
const tokens = ['bearer_token', 'bearer_token_file'];

/** Keys of which a section may have one: a secret and the file that holds it, and two ways to log in. */
export const conflictRule: Rule = (context) => {
  const shape = FileShape.of(context.subject);
  if (shape === undefined) return;
  for (const spot of shape.spots(context.subject.root)) {
    const keys = shape.keysOf(spot.type ?? '');
    if (keys === undefined || spot.value.kind !== 'map') continue;
    checkFiles(spot, keys, context);
    if ('basic_auth' in keys) checkLogins(spot, context);
    if ('insecure_skip_verify' in keys) checkPair(spot, context);
    if (spot.path.at(-1) === 'oauth2') checkOAuth(spot, context);
  }
};

function isSet(section: YamlValue, key: string): boolean {
  const value = section.get(key);
  return value !== undefined && value.kind !== 'null' && value.text !== '';
}

function checkFiles({ value, path }: Spot, keys: Readonly<Record<string, string>>, { report }: RuleContext): void {
  for (const { key, keyRange } of value.entries)
    if (`${key}_file` in keys && isSet(value, key) && isSet(value, `${key}_file`))
      report(
        'conflicting-keys',
        keyRange,
        `${showPath([...path, key])}: given together with ${key}_file, allowed: one of them`,
        {
          hint: `remove ${key}: a secret belongs into a file`,
        },
      );
}

function checkLogins({ value, path }: Spot, { report }: RuleContext): void {
  const given = [...logins, ...tokens].filter((key) => isSet(value, key));
  if (given.length > 1 && !(given.length === 2 && given.every((key) => tokens.includes(key))))
    report(
      'conflicting-keys',
      value,
      `${showPath(path)}: ${given.join(' and ')} together, allowed: one way to log in`,
      {
        hint: 'remove all but one',
      },
    );
  const type = value.get('authorization', 'type');
  if (type?.text?.trim().toLowerCase() === 'basic')
    report('bad-value', type, `${showPath(path)}: authorization.type is "basic"`, { hint: 'use basic_auth instead' });
}

/** A client certificate needs its key. */
function checkPair({ value, path }: Spot, { report }: RuleContext): void {
  const has = (name: string): boolean => ['', '_file', '_ref'].some((ending) => isSet(value, `${name}${ending}`));
  if (has('cert') === has('key')) return;
  const missing = has('cert') ? 'key_file' : 'cert_file';
  report('missing-key', value, `${showPath(path)}.${missing}: missing`, {
    hint: 'a certificate and its key go together',
  });
}

function checkOAuth({ value, path }: Spot, { report }: RuleContext): void {
  for (const key of ['client_id', 'token_url'])
    if (!isSet(value, key)) report('missing-key', value, `${showPath(path)}.${key}: missing`, { hint: `add ${key}` });
}
