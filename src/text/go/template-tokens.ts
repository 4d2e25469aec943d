import { scanTemplate, TemplateError, type TemplateToken } from './scan-template.ts';

/** The tokens of a template, one after the other; those that were read too early can be put back. */
export class TemplateTokens {
  readonly #tokens: Iterator<TemplateToken>;
  readonly #waiting: TemplateToken[] = [];
  /** The token that was read last. */
  last: TemplateToken = { kind: 'text', text: '', from: 0, to: 0 };

  constructor(text: string) {
    this.#tokens = scanTemplate(text);
  }

  next(): TemplateToken {
    this.last = this.#waiting.pop() ?? this.#read();
    return this.last;
  }

  /** After the end of the text comes the end of the text. */
  #read(): TemplateToken {
    const { value } = this.#tokens.next();
    return (value as TemplateToken | undefined) ?? this.last;
  }

  /** The next token that is no blank. */
  nextWord(): TemplateToken {
    const token = this.next();
    return token.kind === 'space' ? this.next() : token;
  }

  back(token: TemplateToken): void {
    this.#waiting.push(token);
  }

  peek(): TemplateToken {
    const { last } = this;
    const token = this.next();
    this.back(token);
    this.last = last;
    return token;
  }

  /** Skips a blank, and looks at the token behind it. */
  peekWord(): TemplateToken {
    const token = this.nextWord();
    this.back(token);
    return token;
  }

  expectClose(context: string): void {
    const token = this.nextWord();
    if (token.kind !== 'close') throw unexpected(token, context);
  }
}

export function unexpected({ kind, text, from, to }: TemplateToken, context: string): TemplateError {
  const shown = kind === 'close' ? '}}' : kind === 'end of the text' ? 'EOF' : text.trim() || 'blank';
  return new TemplateError(`unexpected "${shown}" in ${context}`, { from, to });
}
