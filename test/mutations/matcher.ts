import type { MutatedPart } from './mutation.ts';

const file = 'matcher/matcher.ts';
const classic = 'matcher/parse-matcher.ts';
const parse = 'matcher/parse-matcher.ts';

export const matcher: MutatedPart = {
  name: 'matcher',
  tests: ['matcher/matcher.test.ts', 'matcher/anchored-regexp.test.ts', 'matcher/parse-matcher.test.ts'],
  mutations: [
    {
      file,
      from: "Object.hasOwn(labels, this.name) ? labels[this.name]! : ''",
      to: "labels[this.name] ?? ''",
      means: 'what every object has is a label',
    },
    {
      file,
      from: "equals === (this.type === '=' || this.type === '=~')",
      to: "equals === (this.type === '=')",
      means: '`=~` says the opposite',
    },
    {
      file,
      from: 'if (equals === undefined) onUndecided?.(this, value);',
      to: '',
      means: 'nobody is told that a value was not tried',
    },
    {
      file,
      from: "equals === (this.type === '=' || this.type === '=~')",
      to: "(equals ?? false) === (this.type === '=' || this.type === '=~')",
      means: '`!~` silences what was never tried',
    },
    { file, from: ".replaceAll('\\n', '\\\\n')", to: '', means: 'a line of the log may be broken in two by a silence' },
    {
      file: 'matcher/anchored-regexp.ts',
      from: '`^(?:${expression})$`',
      to: '`^${expression}$`',
      means: '`a|b` is anchored at one end only',
    },
    {
      file: 'matcher/anchored-regexp.ts',
      from: 'text.length <= this.#maxLength ? this.#regexp.test(text) : undefined',
      to: 'this.#regexp.test(text)',
      means: 'one long label holds the event loop',
    },
    {
      file: parse,
      from: "text.startsWith('{') || text.endsWith('}')",
      to: "text.startsWith('{')",
      means: 'a brace at the end is a part of the value',
    },
    {
      file: parse,
      from: 'throw error instanceof MatcherError ? classicError : error;',
      to: 'throw error;',
      means: 'a refusal in other words than those of Alertmanager',
    },
    {
      file: classic,
      from: "next === '\"' || next === '\\\\' ? next :",
      to: "next === '\"' ? next :",
      means: 'a backslash that is escaped stays two',
    },
  ],
};
