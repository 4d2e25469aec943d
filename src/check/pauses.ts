import { Matcher } from '../matcher/matcher.ts';

/** A silence, as far as it concerns a check. */
export interface ActiveSilence {
  readonly id: string;
  readonly createdBy: string;
  readonly comment: string;
  readonly endsAt: string;
  readonly matchers: readonly Matcher[];
}

/** An alert that could fire, with the labels that its rule gives it. */
interface PossibleAlert {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** No alert has this name, and no label this value. */
const anybody = 'tocsin-check-5f0c7a';

/** The active ones of an answer of `GET /api/v2/silences`. */
export function silencesOf(json: string): readonly ActiveSilence[] {
  const found: unknown = JSON.parse(json);
  return (Array.isArray(found) ? (found as readonly ListedSilence[]) : [])
    .filter(({ status }) => status.state === 'active')
    .map(({ matchers, ...silence }) => ({ ...silence, matchers: matchers.map(matcherOf) }));
}

interface ListedMatcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual?: boolean;
}

interface ListedSilence {
  readonly id: string;
  readonly createdBy: string;
  readonly comment: string;
  readonly endsAt: string;
  readonly status: { readonly state: string };
  readonly matchers: readonly ListedMatcher[];
}

function matcherOf({ name, value, isRegex, isEqual = true }: ListedMatcher): Matcher {
  return new Matcher(name, value, isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!=');
}

/** A sentence about each silence that matches whatever comes, or about those that match every alert of the rules together. */
export function pausesOfEverything(
  silences: readonly ActiveSilence[],
  rules: readonly PossibleAlert[],
): readonly string[] {
  const total = silences.filter(({ matchers }) => matchers.every(matchesAnything));
  if (total.length > 0) return total.map((silence) => `${describe(silence)} pauses everything`);
  if (rules.length === 0) return [];
  const used = rules.map((rule) =>
    silences.find(({ matchers }) => matchers.every((matcher) => matcher.matches(labelsOf(rule)))),
  );
  if (used.includes(undefined)) return [];
  const all = [...new Set(used.filter((silence) => silence !== undefined))];
  return [`${all.map(describe).join(' and ')} ${all.length === 1 ? 'pauses' : 'pause'} every alert of every rule`];
}

/** Every alert has a name. Another label may be missing, so that the matcher has to match the empty text too. */
function matchesAnything(matcher: Matcher): boolean {
  return matcher.matchesValue(anybody) && (matcher.name === 'alertname' || matcher.matchesValue(''));
}

function labelsOf({ name, labels }: PossibleAlert): Readonly<Record<string, string>> {
  const fixed = Object.entries(labels).filter(([, value]) => !value.includes('{{'));
  return Object.fromEntries([...fixed, ['alertname', name]]);
}

function describe({ id, createdBy, comment, endsAt, matchers }: ActiveSilence): string {
  const what = matchers.map(String).join(', ');
  return `silence ${id} (${what}), by ${createdBy} until ${endsAt}: ${JSON.stringify(comment)},`;
}
