import alertmanager from './shapes/alertmanager.json' with { type: 'json' };
import prometheus from './shapes/prometheus.json' with { type: 'json' };
import type { Range } from './problem.ts';
import type { Subject } from './rule.ts';
import type { YamlValue } from './yaml-value.ts';

/**
 * The sections of a file, and the type of each of their keys: a section, `[type]` for a list, `{type}` for a map whose keys are the user's own,
 * or what a value has to be. `*` allows every key; `...` names sections whose keys stand among these.
 * test/servers/shapes writes the files from the source of the programs that read them.
 */
interface Shape {
  readonly root: string;
  readonly sections: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const more: Shape['sections'] = {
  targetGroup: { targets: '[text]', labels: '{text}' },
  timeRange: { start_time: 'text', end_time: 'text' },
};

/** Texts that are more than that: the source says so in code, and not in types. */
const patches: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'eureka.SDConfig': { server: 'url' },
  'http.SDConfig': { url: 'url' },
  'uyuni.SDConfig': { server: 'url' },
};

const shapes: Readonly<Record<'prometheus' | 'alertmanager', Shape>> = {
  prometheus: { root: prometheus.root, sections: { ...(prometheus.sections as Shape['sections']), ...more } },
  alertmanager: { root: alertmanager.root, sections: { ...(alertmanager.sections as Shape['sections']), ...more } },
};

function patched(section: string, keys: Shape['sections'][string] | undefined): Shape['sections'][string] | undefined {
  return keys && { ...keys, ...patches[section] };
}

/** A value with the type that its place gives it. */
export interface Spot {
  readonly value: YamlValue;
  readonly path: readonly string[];
  readonly keyRange: Range | undefined;
  /** Undefined if the section does not have such a key. */
  readonly type: string | undefined;
  /** The section that holds it. */
  readonly section: string;
}

export class FileShape {
  readonly #shape: Shape;
  readonly #keys = new Map<string, Readonly<Record<string, string>> | undefined>();

  constructor(kind: 'prometheus' | 'alertmanager') {
    this.#shape = shapes[kind];
  }

  static of(subject: Subject): FileShape | undefined {
    return subject.kind === 'prometheus' || subject.kind === 'alertmanager' ? new FileShape(subject.kind) : undefined;
  }

  get root(): string {
    return this.#shape.root;
  }

  /** The keys of a section with their types; undefined if there is no such section. */
  keysOf(section: string): Readonly<Record<string, string>> | undefined {
    if (!this.#keys.has(section)) this.#keys.set(section, this.#merged(section));
    return this.#keys.get(section);
  }

  #merged(section: string): Readonly<Record<string, string>> | undefined {
    const own = this.#shape.sections[section];
    if (own?.['...'] === undefined) return patched(section, own);
    const inner = own['...'].split(' ').map((name) => this.keysOf(name));
    const { '...': _, ...keys } = Object.assign({}, ...inner, patched(section, own)) as Readonly<
      Record<string, string>
    >;
    return keys;
  }

  /** The sections that have a key of this name, the first one of the file first, without package names. */
  sectionsWith(key: string): readonly string[] {
    return Object.keys(this.#shape.sections).filter((name) => Object.hasOwn(this.keysOf(name) ?? {}, key));
  }

  /** The key that leads to a section, as a reader of the file knows it: `route` for `am.Route`. */
  keyOf(section: string): string {
    if (section === this.root) return 'the top level';
    for (const name of Object.keys(this.#shape.sections))
      for (const [key, type] of Object.entries(this.keysOf(name) ?? {}))
        if (type.replaceAll(/[[\]{}]/g, '') === section) return key;
    return section.replace(/^.*\./, '');
  }

  /** Every value of a file with its type, from the top to the bottom. */
  *spots(root: YamlValue): Generator<Spot, void> {
    yield* this.#below({ value: root, path: [], keyRange: undefined, type: this.root, section: this.root });
  }

  *#below(spot: Spot): Generator<Spot, void> {
    yield spot;
    const { value, path, type = '', section } = spot;
    const [inner] = /(?<=^[[{]).+(?=[\]}]$)/.exec(type) ?? [];
    if (type.startsWith('[') && inner !== undefined)
      for (const [index, item] of value.items.entries())
        yield* this.#below({ value: item, path: [...path, String(index)], keyRange: undefined, type: inner, section });
    if (type.startsWith('{') && inner !== undefined)
      for (const { key, keyRange, value: member } of value.entries)
        yield* this.#below({ value: member, path: [...path, key], keyRange, type: inner, section });
    const keys = this.keysOf(type);
    if (keys === undefined) return;
    for (const { key, keyRange, value: member } of value.entries) {
      const memberType = Object.hasOwn(keys, key) ? keys[key] : keys['*'];
      yield* this.#below({ value: member, path: [...path, key], keyRange, type: memberType, section: type });
    }
  }
}
