import { nearestName } from '../../config/settings/unknown-key.ts';
import { showPath, showText } from '../../config/settings/show-value.ts';
import { checkLeaf, type LeafProblem } from '../leaf-values.ts';
import { renameKey, type Fix } from '../problem.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { FileShape, type Spot } from '../shape.ts';
import type { YamlValue } from '../yaml-value.ts';

/** What belongs into the file of another program. */
const otherFiles = {
  alertmanager: ['prometheus', 'prometheus.yml'],
  prometheus: ['alertmanager', 'alertmanager.yml'],
} as const;

/** Holds a file against the shape of its kind: keys that there are not, and values of the wrong sort. */
export const shapeRule: Rule = (context) => {
  const shape = FileShape.of(context.subject);
  if (shape === undefined) return;
  for (const spot of shape.spots(context.subject.root)) {
    if (spot.type === undefined) reportUnknown(spot, shape, context);
    else reportWrong(spot, spot.type, shape, context);
  }
};

function reportUnknown(
  { path, keyRange, value, section }: Spot,
  shape: FileShape,
  { subject, report }: RuleContext,
): void {
  const key = path.at(-1) ?? '';
  const known = Object.keys(shape.keysOf(section) ?? {});
  const [otherKind, otherName] = otherFiles[subject.kind as keyof typeof otherFiles];
  const other = new FileShape(otherKind);
  const where = keyRange ?? value.range;
  if (path.length === 1 && Object.hasOwn(other.keysOf(other.root) ?? {}, key)) {
    report('misplaced-key', where, `${showPath(path)}: belongs in ${otherName}`, {
      hint: `move it there: the ${subject.kind} program refuses this file with it`,
    });
    return;
  }
  const nearest = nearestName(key, known);
  if (nearest !== undefined && !known.includes(key)) {
    const fix =
      known.filter((each) => nearestName(key, [each]) !== undefined).length === 1
        ? renameKey(key, where, nearest)
        : undefined;
    report('unknown-key', where, `${showPath(path)}: unknown key`, { hint: `did you mean ${nearest}?`, fix });
    return;
  }
  const owners = shape.sectionsWith(key).map((name) => shape.keyOf(name));
  const owner = owners.length === 0 || owners.length > 6 ? undefined : [...new Set(owners)].slice(0, 3).join(', ');
  report(owner === undefined ? 'unknown-key' : 'misplaced-key', where, `${showPath(path)}: unknown key`, {
    hint:
      owner === undefined ? `allowed here: ${known.slice(0, 40).join(', ')}` : `it is a key of ${owner}: move it there`,
  });
}

function reportWrong({ value, path }: Spot, type: string, shape: FileShape, { report }: RuleContext): void {
  const at = path.length === 0 ? '' : `${showPath(path)}: `;
  const expected = type.startsWith('[')
    ? 'list'
    : type.startsWith('{') || shape.keysOf(type) !== undefined
      ? 'map'
      : 'scalar';
  if (expected !== 'scalar') {
    if (value.kind === expected || value.kind === 'null') return;
    const found = value.kind === 'scalar' ? 'one value' : `a ${value.kind}`;
    report('wrong-type', value, `${at}found ${found}, allowed: a ${expected}`, { hint: collectionHints[expected] });
    return;
  }
  const problem = isMissingRegexp(type, value, path) ? missingRegexp : checkLeaf(type, value);
  if (problem === undefined) return;
  report(problem.code, value, `${at}${showText(problem.message)}`, {
    hint: problem.hint,
    fix: durationFix(problem, value),
  });
}

const collectionHints = {
  list: 'begin each item with "- "',
  map: 'write keys below it, indented, each with a colon and a blank',
} as const;

const missingRegexp: LeafProblem = {
  code: 'wrong-type',
  message: 'found nothing, allowed: a regular expression',
  hint: 'write one, or remove the key',
};

/** In a map of expressions by label, one that is missing would match everything. */
function isMissingRegexp(type: string, value: YamlValue, path: readonly string[]): boolean {
  return type === 'regexp' && value.kind === 'null' && /^(?:\w+_)?match_re$/.test(path.at(-2) ?? '');
}

/** Safe where the unit is given: `5M`, `30 sec`, `1.5h`. What a bare number means, only its author knows. */
function durationFix({ code, suggestion }: LeafProblem, { style, range, text }: YamlValue): Fix | undefined {
  if (code !== 'bad-duration' || suggestion === undefined || style !== 'plain' || !/[a-z]/i.test(text ?? ''))
    return undefined;
  return { does: `writes ${suggestion}`, edits: [{ ...range, text: suggestion }] };
}
