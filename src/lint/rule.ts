import type { LintCode } from './codes.ts';
import type { Finding, Range } from './problem.ts';
import type { YamlValue } from './yaml-value.ts';

/**
 * What a part of a file is: a document, an object of a list, or a text in a value of one. `rules` has the shape of a rule file, and is the
 * `spec` of a PrometheusRule as well. `rule-tests` is a file of `promtool test rules`. `rule-tests` is a file of `promtool test rules`. `template` is one text of a template file, as a scalar. `other` is YAML that nobody knows.
 */
export type SubjectKind =
  | 'prometheus'
  | 'rules'
  | 'rule-tests'
  | 'alertmanager'
  | 'template'
  | 'values'
  | 'manifest'
  | 'tocsin'
  | 'tocsin-web'
  | 'other';

/** A part of a file that rules look at. */
export interface Subject {
  readonly kind: SubjectKind;
  readonly root: YamlValue;
  /** The file as it was given. */
  readonly file: string;
  /** The name that the part has where it is used: that of the file, or of a key of a ConfigMap. */
  readonly name: string;
  /** The subject that it stands in, such as a ConfigMap. */
  readonly within?: Subject | undefined;
  /** True if its text stands in the file in another form, as base64: then all of it is at one place, and nothing can be mended there. */
  readonly isDecoded?: boolean | undefined;
}

/** What a pattern, as in `rule_files`, matches. `no folder`: not even its folder is there. Unknown for what has no place, as stdin. */
export type Matches = 'some' | 'none' | 'no folder' | 'unknown';

/** What rules may ask about the disk. */
export interface Disk {
  /** @param file the one that has the pattern: relative ones start at its folder */
  readonly matches: (file: string, pattern: string) => Matches;
}

type Details = Pick<Finding, 'hint'> & Partial<Pick<Finding, 'fix' | 'severity'>>;

/** What a rule is given. */
export interface RuleContext {
  readonly subject: Subject;
  /** Every subject of the call, in all its files. */
  readonly all: readonly Subject[];
  readonly disk: Disk;
  /** @param where a range, or a value whose range it is */
  readonly report: (code: LintCode, where: Range | YamlValue, message: string, details: Details) => void;
}

/** Looks at one subject, and reports every problem of one sort. Must not throw. */
export type Rule = (context: RuleContext) => void;

/** A value, and the path of keys that leads to it; the items of a list have their index as key. */
export interface Visited {
  readonly value: YamlValue;
  readonly path: readonly string[];
  /** The range of its key, if it has one. */
  readonly keyRange: Range | undefined;
}

/** Every value below a root, each of them once, from the top to the bottom. */
export function* everyValue(root: YamlValue): Generator<Visited, void> {
  const seen = new Set<YamlValue>([root]);
  const queue: Visited[] = [{ value: root, path: [], keyRange: undefined }];
  for (let visited = queue.pop(); visited !== undefined; visited = queue.pop()) {
    yield visited;
    const { value, path } = visited;
    const parts = [
      ...value.entries.map((entry) => ({ value: entry.value, path: [...path, entry.key], keyRange: entry.keyRange })),
      ...value.items.map((item, index) => ({ value: item, path: [...path, String(index)], keyRange: undefined })),
    ];
    for (const part of parts.toReversed()) {
      if (seen.has(part.value)) continue;
      seen.add(part.value);
      queue.push(part);
    }
  }
}
