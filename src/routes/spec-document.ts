import { parseYaml, type YamlNode } from '../config/settings/yaml-file.ts';
import { showText } from '../config/settings/show-value.ts';
import { SpecError, type SpecFile } from './route.ts';

/** The largest file with routes, in bytes: the largest public API description in JSON has about 12 MB. */
export const specBytes = 16 * 1024 * 1024;

/** The most YAML tokens (words and signs) of such a file, and the most characters: parsing them takes seconds. */
const specTokens = 1_000_000;
const specYamlCharacters = 4 * 1024 * 1024;

/** The value of a YAML or JSON file, and where its parts are. */
export interface SpecDocument {
  readonly value: unknown;
  /** `FILE:LINE:COLUMN`, of the key at this path or of what is nearest to it; `FILE` if lines are unknown. */
  at(path: readonly string[]): string;
}

/** Reads JSON as such, since it is faster by far; everything else is YAML. Throws SpecError. */
export function readSpecDocument({ name, text }: SpecFile): SpecDocument {
  const shown = showText(name);
  if (/^\uFEFF?\s*$/.test(text)) throw new SpecError(`${shown}: is empty; is it the right file?`);
  if (text.includes('\0')) throw new SpecError(`${shown}: is no text, but binary; is it the right file?`);
  const json = parseJson(text);
  // The lines of JSON are looked up only for a message.
  let parsed: ReturnType<typeof parseYaml> | undefined;
  if (json !== undefined)
    return { value: json.value, at: (path) => at(shown, (parsed ??= parseYaml(text, limits)), path) };
  const yaml = parseYaml(text, limits);
  const problems = yaml.problems.map((problem) => `${shown}:${yaml.position(problem.offset)}: ${problem.text}`);
  if (problems.length > 0 || yaml.root === undefined) throw new SpecError(...firstOf(problems, shown));
  const { value } = yaml.root;
  return { value: text.includes('<<') ? new Merges(shown).resolve(value) : value, at: (path) => at(shown, yaml, path) };
}

const limits = { tokens: specTokens, characters: specYamlCharacters };

/** The most problems of one file that are told. */
export const maxProblems = 50;

function firstOf(problems: readonly string[], file: string): readonly string[] {
  const rest = problems.length - maxProblems;
  return rest > 0 ? [...problems.slice(0, maxProblems), `${file}: ${rest} more problems are not shown`] : problems;
}

function parseJson(text: string): { readonly value: unknown } | undefined {
  if (!/^\uFEFF?\s*[{[]/.test(text)) return undefined;
  try {
    return { value: JSON.parse(text.replace(/^\uFEFF/, '')) };
  } catch {
    // Flow style of YAML begins so as well; if it is neither, the reader of YAML knows the line.
    return undefined;
  }
}

function at(file: string, { root, position }: ReturnType<typeof parseYaml>, path: readonly string[]): string {
  if (root === undefined) return file;
  let node: YamlNode = root;
  let isItem = false;
  for (const key of path) {
    const child = node.children.get(key);
    if (child === undefined) break;
    isItem = Array.isArray(node.value);
    node = child;
  }
  return `${file}:${position(isItem ? node.offset : node.keyOffset)}`;
}

/** The most members that merge keys may bring into one file. */
const maxMerged = 100_000;

/** Resolves the merge keys of YAML 1.1, which Go's reader knows: `<<: *common` brings the members of another map. */
class Merges {
  readonly #file: string;
  /** What was resolved already: an alias stands for the same value each time. */
  readonly #resolved = new Map<object, unknown>();
  #left = maxMerged;

  constructor(file: string) {
    this.#file = file;
  }

  /** Throws SpecError. */
  resolve(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (!this.#resolved.has(value)) this.#resolved.set(value, this.#build(value));
    return this.#resolved.get(value);
  }

  #build(value: object): unknown {
    if (Array.isArray(value)) return value.map((item) => this.resolve(item));
    const own = Object.entries(value).map(([key, item]) => [key, this.resolve(item)] as const);
    const merged = own
      .filter(([key]) => key === '<<')
      .flatMap(([, maps]) => (Array.isArray(maps) ? maps.toReversed() : [maps]));
    const members = merged.flatMap((map) => this.#counted(Object.entries(membersOf(map) ?? {})));
    return Object.fromEntries([...members, ...own.filter(([key]) => key !== '<<')]);
  }

  #counted<T>(members: readonly T[]): readonly T[] {
    this.#left -= members.length;
    if (this.#left >= 0) return members;
    throw new SpecError(
      `${this.#file}: its merge keys (<<) stand for more than ${maxMerged} members; write less of them`,
    );
  }
}

/** The members of a map; undefined for everything else. */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

/** A member of its own: never one of the prototype's. */
export function member(value: unknown, key: string): unknown {
  const members = membersOf(value);
  return members !== undefined && Object.hasOwn(members, key) ? members[key] : undefined;
}

/** The most values that are copied from one file: nested aliases may stand for more than any memory holds. */
const maxCopiedValues = 100_000;

/** Copies values from a file, and refuses to go on when there are too many. */
export class BoundedCopy {
  readonly #file: string;
  #left = maxCopiedValues;

  constructor(file: string) {
    this.#file = showText(file);
  }

  /** Counts one value. Throws SpecError. */
  count(): void {
    if (--this.#left < 0)
      throw new SpecError(
        `${this.#file}: more than ${maxCopiedValues} values once aliases are written out; split the file`,
      );
  }

  copy(value: unknown): unknown {
    this.count();
    if (Array.isArray(value)) return value.map((item) => this.copy(item));
    const members = membersOf(value);
    if (members === undefined) return value;
    return Object.fromEntries(Object.entries(members).map(([key, item]) => [key, this.copy(item)]));
  }
}
