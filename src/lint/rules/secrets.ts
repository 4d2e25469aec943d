import { showPath } from '../../config/settings/show-value.ts';
import { isPlaceholder, shown } from '../leaf-values.ts';
import { everyValue, type Rule, type RuleContext, type Visited } from '../rule.ts';
import { FileShape } from '../shape.ts';

/** Texts that are secrets wherever they stand, by what they look like, and what they are. */
const shapes: readonly (readonly [RegExp, string])[] = [
  [/hooks\.slack\.com\/(?:services|workflows|triggers)\/T[A-Z0-9]{6,}/i, 'the webhook of a Slack channel'],
  [/\bxox[abeoprs]-[\w-]{10,}/, 'a token of Slack'],
  [/\bgh[oprsu]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}/, 'a token of GitHub'],
  [/\bglpat-[\w-]{18,}/, 'a token of GitLab'],
  [/\bAKIA[A-Z0-9]{16}\b/, 'an access key of AWS'],
  [/\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/, 'a JSON Web Token'],
  [/discord(?:app)?\.com\/api\/webhooks\/\d+\/[\w-]{20,}/, 'the webhook of a Discord channel'],
  [/\.webhook\.office\.com\/webhookb2\/[\w@-]{20,}/, 'the webhook of a Teams channel'],
  [/\b\d{8,10}:AA[\w-]{30,}/, 'a token of a Telegram bot'],
  [/-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/, 'a private key'],
  [/^[a-z][a-z\d+.-]*:\/\/[^/\s:@{]+:[^/\s@{]+@/i, 'a password in a URL'],
];

/** Secrets belong into a Secret or a file that only the program may read: what stands here is in Git, in `kubectl get`, and in backups. */
export const secretRule: Rule = (context) => {
  const { subject } = context;
  if (isSecretObject(subject.root.get('kind')?.text, subject.within?.root.get('kind')?.text)) return;
  const typed = secretSpots(context);
  for (const visited of everyValue(subject.root)) {
    const text = visited.value.text;
    if (text === undefined || (subject.kind === 'manifest' && isEmbedded(visited))) continue;
    const known = secretIn(text);
    if (known !== undefined) tell(visited, known, context);
    else if (typed.has(visited.value)) tell(visited, { what: 'a secret' }, context);
  }
};

/** The most of one line that is searched. A secret is shorter, and an expression would search a line of megabytes for seconds. */
const maxLine = 4096;

interface FoundSecret {
  readonly what: string;
  /** Where it stands in the text; undefined for all of it. */
  readonly part?: readonly [start: number, end: number];
}

/** What a text has of a secret; a private key in a ConfigMap is one line of many. */
function secretIn(text: string): FoundSecret | undefined {
  for (let start = 0; start < text.length;) {
    const next = text.indexOf('\n', start);
    const end = next === -1 ? text.length : next;
    const line = text.slice(start, Math.min(end, start + maxLine));
    for (const [pattern, what] of shapes) {
      const found = pattern.exec(line);
      if (found !== null) return { what, part: [start + found.index, start + found.index + found[0].length] };
    }
    start = end + 1;
  }
  return undefined;
}

function isSecretObject(kind: string | undefined, outer: string | undefined): boolean {
  return kind === 'Secret' || outer === 'Secret';
}

/** Files in values of a ConfigMap are subjects of their own. */
function isEmbedded({ value, path }: Visited): boolean {
  return (
    path.length === 2 &&
    path[0] === 'data' &&
    value.text?.includes('\n') === true &&
    /\.(?:ya?ml|json)$/.test(path[1] ?? '')
  );
}

/** Values in the place of a secret. */
function secretSpots({ subject }: RuleContext): ReadonlySet<unknown> {
  const found = new Set<unknown>();
  for (const { value, type } of FileShape.of(subject)?.spots(subject.root) ?? []) {
    const text = value.text ?? '';
    const isSecret = type === 'secret' || type === 'secretUrl';
    if (
      isSecret &&
      text !== '' &&
      text !== '<secret>' &&
      !isPlaceholder(text) &&
      !/^\$\{?\w+\}?$|\{\{/.test(text) &&
      !isPublicUrl(text)
    )
      found.add(value);
  }
  return found;
}

/** A webhook of one's own, as `http://tocsin:9093/webhook`, is no secret. */
function isPublicUrl(text: string): boolean {
  return (
    /^(?:https?:\/\/)?[\w.-]+(?::\d+)?(?:\/[\w.-]{0,24})*\/?$/.test(text) &&
    /[.:/]/.test(text) &&
    !/\bhooks\./.test(text)
  );
}

function tell({ value, path }: Visited, { what, part }: FoundSecret, { subject, report }: RuleContext): void {
  const outer = subject.within?.root.get('kind')?.text ?? subject.root.get('kind')?.text;
  const isObject = subject.kind === 'manifest' || subject.within?.kind === 'manifest';
  const place = isObject ? `a ${outer ?? 'manifest'}` : 'a configuration file';
  const isPlaced = isObject || what !== 'a secret';
  report(
    'secret-in-clear',
    part === undefined ? value : value.rangeOf(...part),
    `${showPath(path)}: ${what} in ${place}`,
    {
      severity: isPlaced ? 'error' : 'warning',
      hint: 'replace it, since others have seen it; keep it in a Secret, and name it with a *_file key',
    },
  );
}

/** Values that somebody still has to put in. URLs have their own check. */
export const placeholderRule: Rule = (context) => {
  for (const { value, path, type } of FileShape.of(context.subject)?.spots(context.subject.root) ?? [])
    if (
      type !== undefined &&
      ['text', 'secret', 'hostPort'].includes(type) &&
      isPlaceholder(value.text ?? '') &&
      isSetting(path)
    )
      context.report('placeholder', value, `${showPath(path)}: ${shown(value.text ?? '')} is a placeholder`, {
        hint: 'put the real value in its place, for a secret one by a *_file key',
        severity: 'warning',
      });
};

/** Names and labels are the user's own words. */
function isSetting(path: readonly string[]): boolean {
  return !path.some((key) =>
    /^(?:name|job_name|labels|external_labels|matchers|match|match_re|receiver|group_by|equal|details|fields)$/.test(
      key,
    ),
  );
}
