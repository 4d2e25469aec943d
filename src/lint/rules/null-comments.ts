import { everyValue, type Rule, type Visited } from '../rule.ts';
import { showText } from '../../config/settings/show-value.ts';

/**
 * `channel: #monitoring` is a key without a value, and a comment. No program notices: the value is empty. A comment of its own has a
 * blank behind its "#".
 */
export const nullComments: Rule = ({ subject, report }) => {
  for (const visited of everyValue(subject.root)) {
    const comment = visited.value.comment;
    if (comment === undefined || !/^[^\s#!]\S*$/.test(comment.text)) continue;
    const quoted = JSON.stringify(`#${comment.text}`);
    const shown = showText(quoted);
    report('null-comment', comment.range, `${nameOf(visited)}null: YAML takes ${shown} as a comment`, {
      hint: `quote it, if ${shown} is the value; otherwise put a blank behind the "#"`,
      fix: { does: `quotes ${shown}`, edits: [{ ...comment.range, text: quoted }] },
    });
  }
};

function nameOf({ path }: Visited): string {
  const key = path.findLast((part) => !/^\d+$/.test(part));
  return key === undefined ? '' : `${showText(key)} is `;
}
