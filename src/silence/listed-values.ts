/** Characters that stand for themselves, and punctuation with a backslash, which does too; no `|` among them. */
const list = /^(?:[\w:/@, -]|\\[!-/:-@[-`{}~])+(?:\|(?:[\w:/@, -]|\\[!-/:-@[-`{}~])+)*$/;

/**
 * The values that a regular expression matches, if it does nothing but list them: `api|worker`, `10\.0\.0\.5:9100`, as people
 * and dashboards mostly write them. Undefined for any other.
 */
export function listedValues(expression: string): readonly string[] | undefined {
  return list.test(expression) ? expression.replaceAll(/\\(.)/g, '$1').split('|') : undefined;
}
