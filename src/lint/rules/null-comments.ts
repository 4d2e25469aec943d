import type { Range } from '../problem.ts';
import { everyValue, type Rule, type RuleContext, type Visited } from '../rule.ts';
import { FileShape } from '../shape.ts';
import type { YamlValue } from '../yaml-value.ts';
import { showText } from '../../config/settings/show-value.ts';

/**
 * `channel: #monitoring` is a key without a value, and a comment. No program notices: the value is empty. A comment of its own has a
 * blank behind its "#".
 */
export const nullComments: Rule = ({ subject, report }) => {
  const types = new Map<YamlValue, string>();
  for (const { value, type = '' } of FileShape.of(subject)?.spots(subject.root) ?? []) types.set(value, type);
  for (const visited of everyValue(subject.root)) {
    const meant = visited.value.comment && meantBy(visited.value.comment);
    const type = types.get(visited.value);
    // Where a list or a section belongs, it is a comment.
    if (meant === undefined || (type !== undefined && !leaves.has(type))) continue;
    reportMeant(meant, visited, type, report);
  }
};

interface Meant {
  readonly word: string;
  readonly range: Range;
}

/** The word that was meant as the value. A comment may stand behind it. */
function meantBy({ text, range }: NonNullable<YamlValue['comment']>): Meant | undefined {
  const [, word] = /^([^\s#!]\S*)(?:\s+#.*)?$/.exec(text) ?? [];
  if (word === undefined) return undefined;
  return { word, range: word === text ? range : { start: range.start, end: range.start + 1 + word.length } };
}

function reportMeant(
  { word, range }: Meant,
  visited: Visited,
  type: string | undefined,
  report: RuleContext['report'],
): void {
  const quoted = JSON.stringify(`#${word}`);
  const shown = showText(quoted);
  const isText = type !== undefined || /channel|room|colou?r|tag/i.test(visited.path.at(-1) ?? '');
  report('null-comment', range, `${nameOf(visited)}null: YAML takes ${shown} as a comment`, {
    // Elsewhere it may be meant as a comment.
    severity: type === undefined ? 'warning' : 'error',
    hint: `quote it, if ${shown} is the value; otherwise put a blank behind the "#"`,
    fix: isText ? { does: `quotes ${shown}`, edits: [{ ...range, text: quoted }] } : undefined,
  });
}

/** The types of places that take a text. */
const leaves: ReadonlySet<string> = new Set(['text', 'secret']);

function nameOf({ path }: Visited): string {
  const key = path.findLast((part) => !/^\d+$/.test(part));
  return key === undefined ? '' : `${showText(key)} is `;
}
