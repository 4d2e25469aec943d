import { isAlias, isMap, isScalar, isSeq, type Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import type { Range } from './problem.ts';
import { scalarOffsets, type ScalarOffsets, type ScalarStyle } from './scalar-offsets.ts';

/** A key of a map and its value. */
export interface Entry {
  readonly key: string;
  readonly keyRange: Range;
  readonly value: YamlValue;
}

interface Comment {
  /** Without its "#". */
  readonly text: string;
  readonly range: Range;
}

/** The source in which a tree stands: a file, or a text in a value of one. */
export interface Source {
  readonly text: string;
  /** The offset in the file of an offset in the text. */
  readonly place: (offset: number) => number;
}

/** A value of a YAML document. All ranges and offsets are those of the file, even if the document stands in a value of another one. */
export class YamlValue {
  readonly kind: 'map' | 'list' | 'scalar' | 'null';
  readonly range: Range;
  /** The members of a map, without those that a later one replaces, and with those that "<<" merges. */
  readonly entries: readonly Entry[];
  readonly items: readonly YamlValue[];
  /** The value of a scalar: a text, number or boolean. */
  readonly scalar: unknown;
  readonly style: ScalarStyle | undefined;
  /** The comment in the place of a value that is missing. */
  readonly comment: Comment | undefined;
  readonly #offsets: (() => ScalarOffsets) | undefined;
  #found: ScalarOffsets | undefined;

  constructor(parts: YamlParts) {
    this.kind = parts.kind;
    this.range = parts.range;
    this.entries = parts.entries ?? [];
    this.items = parts.items ?? [];
    this.scalar = parts.scalar;
    this.style = parts.style;
    this.comment = parts.comment;
    this.#offsets = parts.offsets;
  }

  /** The text of a scalar, as a program reads it that expects one: `1` is "1". Undefined for a map, a list and null. */
  get text(): string | undefined {
    return this.kind === 'scalar' ? String(this.scalar) : undefined;
  }

  /** The value of a key, or of a path of keys. */
  get(...path: readonly string[]): YamlValue | undefined {
    const [key, ...rest] = path;
    if (key === undefined) return this;
    return this.entries.find((entry) => entry.key === key)?.value.get(...rest);
  }

  has(key: string): boolean {
    return this.entries.some((entry) => entry.key === key);
  }

  /** The range in the file of a part of the text of a scalar. */
  rangeOf(start: number, end = start + 1): Range {
    this.#found ??= this.#offsets?.() ?? (() => this.range.start);
    const first = this.#found(start);
    return { start: first, end: Math.max(first, end > start ? this.#found(end - 1) + 1 : first) };
  }

  /** The text of a scalar as a source: what is parsed out of it has positions in the file. */
  get source(): Source {
    return { text: this.text ?? '', place: (offset) => this.rangeOf(offset, offset).start };
  }
}

interface YamlParts {
  readonly kind: YamlValue['kind'];
  readonly range: Range;
  readonly entries?: readonly Entry[];
  readonly items?: readonly YamlValue[];
  readonly scalar?: unknown;
  readonly style?: ScalarStyle | undefined;
  readonly comment?: Comment | undefined;
  readonly offsets?: () => ScalarOffsets;
}

/** Receives what is wrong with the structure of a document. */
export type ReportYaml = (code: 'duplicate-key' | 'yaml-alias' | 'yaml-bomb', range: Range, text: string) => void;

/**
 * The most values of a document with its aliases written out in full. A document of ten lines may otherwise have billions of
 * values: each rule would look at all of them.
 */
export const maxValues = 500_000;

const styles: Readonly<Record<string, ScalarStyle>> = {
  QUOTE_SINGLE: 'single',
  QUOTE_DOUBLE: 'double',
  BLOCK_LITERAL: 'literal',
  BLOCK_FOLDED: 'folded',
};

/** Builds the values of one document. */
export class YamlTree {
  readonly #source: Source;
  readonly #report: ReportYaml;
  readonly #anchors = new Map<string, YamlValue>();
  readonly #sizes = new WeakMap<YamlValue, number>();

  constructor(source: Source, report: ReportYaml) {
    this.#source = source;
    this.#report = report;
  }

  /** Undefined if its aliases would make it too large. */
  build(node: unknown): YamlValue | undefined {
    const root = this.#walk(node, 0);
    if (this.#sizeOf(root) <= maxValues) return root;
    this.#report('yaml-bomb', root.range, `more than ${maxValues} values, when its aliases are written out`);
    return undefined;
  }

  /** @param otherwise where a value that is missing would have been */
  #walk(node: unknown, otherwise: number): YamlValue {
    if (isAlias(node)) return this.#alias(node.source, this.#rangeOf(node, otherwise));
    const value = this.#plain(node, otherwise);
    // After its content: an alias inside it would make it endless, and so finds no anchor.
    if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined)
      this.#anchors.set(node.anchor, value);
    return value;
  }

  #alias(name: string, range: Range): YamlValue {
    const anchored = this.#anchors.get(name);
    if (anchored !== undefined) return anchored;
    this.#report('yaml-alias', range, 'an alias without an anchor before it');
    return new YamlValue({ kind: 'null', range });
  }

  #plain(node: unknown, otherwise: number): YamlValue {
    const range = this.#rangeOf(node, otherwise);
    if (isMap(node)) return this.#sized(new YamlValue({ kind: 'map', range, entries: this.#entries(node) }));
    if (isSeq(node)) return this.#sized(new YamlValue({ kind: 'list', range, items: this.#items(node) }));
    if (!isScalar(node) || node.value === null) return this.#null(node, otherwise, range);
    return this.#scalar(node, range);
  }

  #scalar({ value, type, range: written }: Scalar, range: Range): YamlValue {
    const style = styles[type ?? ''] ?? 'plain';
    const [start = 0, end = 0] = written ?? [];
    const { text, place } = this.#source;
    const offsets = (): ScalarOffsets => {
      const inner = scalarOffsets({ source: text, range: { start, end }, style, text: String(value) });
      return (index) => place(inner(index));
    };
    return new YamlValue({ kind: 'scalar', range, scalar: value, style, offsets });
  }

  #null(node: unknown, otherwise: number, range: Range): YamlValue {
    const start = isScalar(node) ? (node.range?.[0] ?? otherwise) : otherwise;
    return new YamlValue({ kind: 'null', range, comment: this.#commentAt(start) });
  }

  /** The comment behind a colon or dash, in the same line. */
  #commentAt(offset: number): Comment | undefined {
    const { text, place } = this.#source;
    const [, blanks = '', comment] = /^([^\S\n]*)#([^\r\n]*)/.exec(text.slice(offset, offset + 1000)) ?? [];
    if (comment === undefined || !/[:-][^\S\n]*$/.test(text.slice(Math.max(0, offset - 100), offset))) return undefined;
    const [start, trimmed] = [offset + blanks.length, comment.trimEnd()];
    return { text: trimmed, range: { start: place(start), end: place(start + 1 + trimmed.length) } };
  }

  #items(list: YAMLSeq): readonly YamlValue[] {
    const start = list.range?.[0] ?? 0;
    return list.items.map((item) => this.#walk(item, start));
  }

  #entries(map: YAMLMap): readonly Entry[] {
    const entries = new Map<string, Entry>();
    const merged: Entry[] = [];
    for (const { key, value } of map.items) {
      const keyRange = this.#rangeOf(key, map.range?.[0] ?? 0);
      const name = isScalar(key) ? String(key.value) : '';
      const entry = { key: name, keyRange, value: this.#walk(value, this.#innerEnd(key, map.range?.[0] ?? 0)) };
      if (name === '<<') this.#merge(entry, merged);
      else {
        if (entries.has(name)) this.#report('duplicate-key', keyRange, name);
        entries.set(name, entry);
      }
    }
    for (const entry of merged) if (!entries.has(entry.key)) entries.set(entry.key, entry);
    return [...entries.values()];
  }

  #merge({ value, keyRange }: Entry, merged: Entry[]): void {
    for (const { entries } of [value, ...value.items]) {
      if (merged.length + entries.length > maxValues) {
        this.#report('yaml-bomb', keyRange, `more than ${maxValues} merged keys`);
        return;
      }
      for (const entry of entries) merged.push(entry);
    }
  }

  #innerEnd(node: unknown, otherwise: number): number {
    return isScalar(node) ? (node.range?.[1] ?? otherwise) : otherwise;
  }

  #rangeOf(node: unknown, otherwise: number): Range {
    const { place } = this.#source;
    const range = isAlias(node) || isMap(node) || isSeq(node) || isScalar(node) ? node.range : undefined;
    const [start, end] = range ?? [otherwise, otherwise];
    return { start: place(start), end: Math.max(place(start), place(end)) };
  }

  #sized(value: YamlValue): YamlValue {
    const parts = [...value.items, ...value.entries.map((entry) => entry.value)];
    this.#sizes.set(
      value,
      parts.reduce((sum, part) => sum + this.#sizeOf(part), 1),
    );
    return value;
  }

  #sizeOf(value: YamlValue): number {
    return this.#sizes.get(value) ?? 1;
  }
}
