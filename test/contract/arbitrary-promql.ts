import fc from 'fast-check';
import { corpus } from './promql-corpus.ts';

const token = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\w+|\s+|[^\w\s]/g;

const words = [...new Set(corpus.flatMap((expression) => expression.match(token) ?? []))];

interface Change {
  readonly at: number;
  readonly removed: number;
  readonly added: string;
}

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(60),
  removed: fc.nat(1),
  added: fc.oneof(fc.constant(''), fc.constantFrom(...words)),
});

function changed(expression: string, changes: readonly Change[]): string {
  const tokens = expression.match(token) ?? [];
  for (const { at, removed, added } of changes) tokens.splice(at % (tokens.length + 1), removed, added);
  return tokens.join('');
}

/** One expression within another one, so that types and precedence matter. */
const combined = fc
  .tuple(fc.constantFrom(...corpus), fc.constantFrom(...corpus), fc.constantFrom(...words))
  .map(([left, right, word]) => `${left} ${word} ${right}`);

/** Expressions of which a good part is right, and the rest nearly. */
export const arbitraryPromql: fc.Arbitrary<string> = fc
  .oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(fc.constantFrom(...corpus), fc.array(change, { minLength: 1, maxLength: 3 }))
        .map((all) => changed(...all)),
    },
    { weight: 2, arbitrary: combined },
    { weight: 1, arbitrary: fc.array(fc.constantFrom(...words), { maxLength: 8 }).map((some) => some.join(' ')) },
    {
      weight: 1,
      arbitrary: fc.string({ unit: fc.constantFrom(...'ab15m.e_x0()[]{},+-*^=~!<>@:"\'` #\\n'), maxLength: 12 }),
    },
  )
  // An empty expression is a missing key for promtool.
  .filter((text) => text.trim() !== '');
