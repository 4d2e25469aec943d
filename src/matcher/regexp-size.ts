/** What a class of Unicode, such as `\pL`, costs in comparison with a character: it has hundreds of ranges. */
const unicodeClassSize = 20;

/** One item of an expression. Its classes are items as a whole; what is quoted by `\Q` is one too. */
const item =
  /\\Q(?:(?!\\E).)*(?:\\E)?|\\[pP](?:\{[^}]*\}|.)?|\\.|\[\^?\]?(?:\[:[^\]:]*:\]|\\[pP](?:\{[^}]*\}|.)?|\\.|[^\]\\])*\]?|\(\?[a-zA-Z-]*\)|\{(\d+)(?:,(\d*))?\}|[^]/sy;

/**
 * About how large the programme of an expression of RE2's syntax gets, in instructions: at least as large as it is, but for
 * what RE2 refuses. It is known before the expression is compiled: `(\pL{1000}){1}` a thousand times would take half a minute.
 */
export function regexpSize(expression: string): number {
  /** What has been read of each group that is open, and of its last item, which a repetition would repeat. */
  const groups: { size: number; last: number }[] = [{ size: 0, last: 0 }];
  for (let at = 0; at < expression.length; at = item.lastIndex) {
    item.lastIndex = at;
    const [text, least, most] = item.exec(expression)!;
    // Flags for what follows, such as `(?i)`: no item, a repetition behind them is one of what stands before them.
    if (text.startsWith('(?')) continue;
    const group = groups.at(-1)!;
    if (least !== undefined) group.last *= Math.max(Number(least) + 1, Number(most ?? 0));
    else if (text === '*' || text === '+' || text === '?') group.last += 2;
    else if (text === '(') groups.push({ size: 2, last: 0 });
    else if (text === ')' && groups.length > 1) closeGroup(groups);
    else {
      group.size += group.last;
      group.last = itemSize(text);
    }
  }
  while (groups.length > 1) closeGroup(groups);
  return groups[0]!.size + groups[0]!.last;
}

function closeGroup(groups: { size: number; last: number }[]): void {
  const { size, last } = groups.pop()!;
  const outer = groups.at(-1)!;
  outer.size += outer.last;
  outer.last = size + last;
}

function itemSize(text: string): number {
  const unicodeClasses = text.match(/\\p/gi)?.length ?? 0;
  return text.length + unicodeClasses * unicodeClassSize;
}
