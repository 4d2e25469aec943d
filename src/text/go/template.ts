import { TemplateError, type TemplateSpan, type TemplateToken } from './scan-template.ts';
import {
  checkString,
  maxDepth,
  TemplatePipelines,
  type TemplateNames,
  type TemplateUse,
} from './template-pipelines.ts';
import { TemplateTokens, unexpected } from './template-tokens.ts';

export interface TemplateProblem extends TemplateSpan {
  readonly message: string;
  /** The name of a function or a variable that there is not. */
  readonly unknown?: string | undefined;
}

export type ReadTemplate =
  | {
      readonly uses: readonly TemplateUse[];
      readonly functions: readonly TemplateToken[];
      /** Each `else with`, which Go knows since 1.23. */
      readonly elseWith: readonly TemplateToken[];
    }
  | { readonly problem: TemplateProblem };

/** The functions that every template of Go has. */
export const goFunctions: readonly string[] =
  'and call eq ge gt html index js le len lt ne not or print printf println slice urlquery'.split(' ');

/** Reads a template with the verdict of Go's text/template/parse: the first problem, or what the template uses. */
export function readTemplate(text: string, names: TemplateNames): ReadTemplate {
  const tokens = new TemplateTokens(text);
  const pipelines = new TemplatePipelines(tokens, names);
  try {
    const reader = new TemplateReader(tokens, pipelines);
    reader.all();
    return { uses: pipelines.uses, functions: pipelines.functions, elseWith: reader.elseWith };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return { problem: { message: error.message, ...error.span, unknown: pipelines.unknown } };
  }
}

/** How a list of texts and actions ends. */
type End = 'end' | 'else' | 'end of the text';

class TemplateReader {
  readonly #tokens: TemplateTokens;
  readonly #pipelines: TemplatePipelines;
  /** The actions that have no end yet. */
  readonly #opened: TemplateToken[] = [];
  #ranges = 0;
  /** The texts and actions so far that are not blank. */
  #content = 0;
  /** The templates whose body is not blank. */
  readonly #defined = new Set<string>();
  readonly elseWith: TemplateToken[] = [];

  constructor(tokens: TemplateTokens, pipelines: TemplatePipelines) {
    this.#tokens = tokens;
    this.#pipelines = pipelines;
  }

  all(): void {
    const end = this.#list(true);
    if (end !== 'end of the text') throw new TemplateError(`unexpected {{${end}}}`, this.#tokens.last);
  }

  #list(isTop = false): End {
    for (;;) {
      const token = this.#tokens.next();
      if (token.kind !== 'text' || token.text.trim() !== '') this.#content++;
      if (token.kind === 'text') continue;
      if (token.kind === 'end of the text') {
        if (isTop) return 'end of the text';
        throw new TemplateError(
          'unexpected EOF: an action such as {{ if }} has no {{ end }}',
          this.#opened.at(-1) ?? token,
        );
      }
      const end = this.#action(token, isTop);
      if (end !== undefined) return end;
    }
  }

  #action(open: TemplateToken, isTop: boolean): 'end' | 'else' | undefined {
    const token = this.#tokens.nextWord();
    if (token.kind !== 'keyword') {
      this.#tokens.back(token);
      this.#pipelines.read('command', 'close');
      return undefined;
    }
    switch (token.text) {
      case 'end':
        this.#tokens.expectClose('end');
        return 'end';
      case 'else':
        return this.#else();
      case 'if':
      case 'with':
      case 'range':
        this.#nested(open, () => this.#control(token.text));
        return undefined;
      case 'break':
      case 'continue':
        this.#leave(token);
        return undefined;
      case 'define':
        return this.#define(open, token, isTop);
      default:
        this.#template(open, token.text);
        return undefined;
    }
  }

  #nested(open: TemplateToken, read: () => void): void {
    if (this.#opened.length >= maxDepth) throw new TemplateError('max expression depth exceeded', open);
    this.#opened.push(open);
    read();
    this.#opened.pop();
  }

  #leave({ text, from, to }: TemplateToken): void {
    this.#tokens.expectClose(`{{${text}}}`);
    if (this.#ranges === 0) throw new TemplateError(`{{${text}}} outside {{range}}`, { from, to });
  }

  #else(): 'else' {
    const token = this.#tokens.peekWord();
    if (token.kind !== 'keyword' || (token.text !== 'if' && token.text !== 'with')) this.#tokens.expectClose('else');
    return 'else';
  }

  #control(word: string): void {
    const known = this.#pipelines.variables.length;
    const wasRoot = this.#pipelines.isRoot;
    this.#pipelines.read(word, 'close');
    if (word === 'range') this.#ranges++;
    if (word !== 'if') this.#pipelines.isRoot = false;
    const end = this.#list();
    if (word === 'range') this.#ranges--;
    this.#pipelines.isRoot = wasRoot;
    if (end === 'else') this.#otherwise(word);
    this.#pipelines.variables.length = known;
  }

  #otherwise(word: string): void {
    const token = this.#tokens.peek();
    if (token.kind === 'keyword' && token.text === word && (word === 'if' || word === 'with')) {
      this.#tokens.next();
      if (word === 'with') this.elseWith.push(token);
      return this.#nested(token, () => this.#control(word));
    }
    if (token.kind === 'keyword') throw unexpected(this.#tokens.next(), 'input');
    if (this.#list() !== 'end') throw new TemplateError('expected end; found {{else}}', this.#tokens.last);
  }

  #define(open: TemplateToken, token: TemplateToken, isTop: boolean): undefined {
    if (!isTop) throw unexpected(token, 'command');
    const name = this.#name('define clause');
    this.#tokens.expectClose('define clause');
    this.#body(open, name, 'define clause');
  }

  /** The body of a template knows no variables but its own. */
  #body(open: TemplateToken, name: TemplateToken, context: string): void {
    const before = this.#content;
    const [variables, wasRoot, ranges] = [this.#pipelines.variables, this.#pipelines.isRoot, this.#ranges];
    [this.#pipelines.variables, this.#pipelines.isRoot, this.#ranges] = [['$'], false, 0];
    this.#nested(open, () => {
      if (this.#list() !== 'end') throw new TemplateError(`unexpected {{else}} in ${context}`, this.#tokens.last);
    });
    [this.#pipelines.variables, this.#pipelines.isRoot, this.#ranges] = [variables, wasRoot, ranges];
    // The end of the body is an action as well.
    if (this.#content - before > 1) this.#defineOnce(name);
  }

  #defineOnce(name: TemplateToken): void {
    const plain = name.text.slice(1, -1);
    if (this.#defined.has(plain)) throw new TemplateError(`multiple definition of template ${name.text}`, name);
    this.#defined.add(plain);
  }

  /** Reads `template` and `block`. */
  #template(open: TemplateToken, word: string): void {
    const context = `${word} clause`;
    const name = this.#name(context);
    const token = this.#tokens.nextWord();
    if (word === 'block' || token.kind !== 'close') {
      this.#tokens.back(token);
      this.#pipelines.read(context, 'close');
    }
    if (word === 'block') this.#body(open, name, context);
  }

  #name(context: string): TemplateToken {
    const token = this.#tokens.nextWord();
    if (token.kind !== 'string') throw unexpected(token, context);
    checkString(token);
    return token;
  }
}
