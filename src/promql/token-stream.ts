import { PromqlError, type PromqlProblem, type Span, type Token } from './token.ts';
import { scan, type Scanned } from './scan.ts';

/** What an older Prometheus does not know, or a newer one only with a feature flag. */
export interface Requirement extends Span {
  readonly what: string;
  /** The first version of Prometheus that knows it. */
  readonly since: string;
}

/**
 * The limit on parentheses, calls, signs and powers inside one another. Prometheus has none; nobody writes a tenth of it. It keeps a
 * hostile expression from exhausting the stack.
 */
export const maxNesting = 200;

/** The limit on binary operators in one expression; each makes the tree one deeper. */
export const maxOperators = 2000;

const exceeded = { exceedsLimit: true } as const;

/** The tokens of an expression, one after the other, and what was noticed on the way. */
export class TokenStream {
  readonly problems: PromqlProblem[] = [];
  readonly requirements: Requirement[] = [];
  readonly #scanned: Scanned;
  #at = 0;
  #depth = 0;
  #operators = 0;

  constructor(text: string) {
    this.#scanned = scan(text);
  }

  /** Throws where the text is no token. */
  get next(): Token {
    const token = this.#scanned.tokens[this.#at];
    if (token === undefined) throw this.#scanned.error!;
    return token;
  }

  /** The kind of the token behind the next one, if there is one. */
  get following(): string | undefined {
    return this.#scanned.tokens[this.#at + 1]?.kind;
  }

  /** Where the last token ends. */
  get end(): number {
    return this.#scanned.tokens[this.#at - 1]?.to ?? 0;
  }

  take(): Token {
    const token = this.next;
    this.#at++;
    return token;
  }

  /** Takes the next token if it is of this kind. */
  accept(kind: string): Token | undefined {
    return this.next.kind === kind ? this.take() : undefined;
  }

  expect(kind: string, context: string, expected = `"${kind}"`): Token {
    return this.accept(kind) ?? this.fail(context, expected);
  }

  /** Throws: the next token is wrong here. */
  fail(context = '', expected = ''): never {
    const where = context === '' ? '' : ` in ${context}`;
    const instead = expected === '' ? '' : `, expected ${expected}`;
    throw new PromqlError(`unexpected ${describe(this.next)}${where}${instead}`, this.next);
  }

  /** Notes a problem that does not keep the rest from being read. */
  problem(message: string, { from, to }: Span): void {
    this.problems.push({ message, from, to });
  }

  /** Notes what Prometheus knows only with a feature flag. */
  needsFeature(message: string, { from, to }: Span): void {
    this.problems.push({ message, from, to, needsFeature: true });
  }

  requires(since: string, what: string, { from, to }: Span): void {
    this.requirements.push({ since, what, from, to });
  }

  nested<Result>(read: () => Result): Result {
    if (++this.#depth > maxNesting)
      throw new PromqlError(`the expression is nested too deeply: more than ${maxNesting} levels`, this.next, exceeded);
    const result = read();
    this.#depth--;
    return result;
  }

  countOperator(): void {
    if (++this.#operators > maxOperators)
      throw new PromqlError(`the expression has too many operators: more than ${maxOperators}`, this.next, exceeded);
  }
}

function describe({ kind, text }: Token): string {
  const shown = text.length > 20 ? `${text.slice(0, 20)}…` : text;
  if (kind === 'end of input') return kind;
  if (kind === 'string') return `string ${shown}`;
  return /^(?:identifier|metric identifier|number|duration)$/.test(kind) ? `${kind} "${shown}"` : `"${shown}"`;
}
