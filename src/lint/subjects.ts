import { basename } from 'node:path';
import type { Finding } from './problem.ts';
import { kindOf } from './file-kind.ts';
import { readYaml } from './read-yaml.ts';
import type { Subject, SubjectKind } from './rule.ts';
import { isOurs } from './rules/values.ts';
import { YamlValue } from './yaml-value.ts';

/** A file as text. */
export interface TextFile {
  /** As it was given. */
  readonly name: string;
  readonly text: string;
}

/** What a file holds, in the order in which it stands there. */
export interface FileContent {
  readonly subjects: readonly Subject[];
  readonly findings: readonly Finding[];
}

/** How deep files may stand in values of other files: a ConfigMap in a list of values, a file in that. */
const maxNesting = 3;

/** Takes a file apart: its documents, the objects in their lists, and the files that stand in values. */
export function subjectsOf({ name, text }: TextFile): FileContent {
  if (name.endsWith('.tmpl')) return { subjects: [templateOf(name, text)], findings: [] };
  const read = readYaml({ text, place: (offset) => offset });
  const found = new Content(name);
  for (const [index, document] of read.documents.entries()) found.document(document, name, undefined, index > 0);
  const findings = [...read.findings, ...found.findings];
  if (found.subjects.length === 0 && findings.length === 0) findings.push(emptyFinding(name, text));
  return { subjects: found.subjects, findings };
}

function emptyFinding(name: string, text: string): Finding {
  const message = text.trim() === '' ? 'the file is empty' : 'the file has nothing but comments';
  // Prometheus starts without a configuration, Alertmanager does not.
  const severity = /alert-?manager/i.test(basename(name)) ? 'error' : undefined;
  return { code: 'file-empty', range: { start: 0, end: 0 }, message, hint: 'is it the right file?', severity };
}

const yamlEnding = /\.(?:ya?ml|json|rules)$/;

/** Programs that read one document of a file. */
const readerOfOne: Partial<Readonly<Record<SubjectKind, string>>> = {
  prometheus: 'Prometheus',
  alertmanager: 'Alertmanager',
  rules: 'Prometheus',
};

class Content {
  readonly subjects: Subject[] = [];
  readonly findings: Finding[] = [];
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** @param name that of the file, or of the key of a ConfigMap */
  document(found: YamlValue, name: string, within?: Subject, isLater = false): void {
    const root = withSection(found);
    const subject: Subject = {
      kind: kindOf(root, name),
      root,
      file: this.#file,
      name,
      within,
      isDecoded: within?.isDecoded,
    };
    const reader = isLater ? readerOfOne[this.subjects[0]?.kind ?? 'other'] : undefined;
    if (reader !== undefined) {
      const message = `${reader} reads the first document only, and not this one`;
      this.findings.push({
        code: 'ignored-document',
        range: root.range,
        message,
        hint: 'move it into a file of its own',
      });
      return;
    }
    if (subject.kind === 'manifest') return this.#manifest(subject);
    this.subjects.push(subject);
    if (subject.kind === 'values') this.#values(subject);
  }

  #manifest(subject: Subject): void {
    const { root, name, within } = subject;
    const items = root.get('items')?.items;
    if (items !== undefined && root.get('kind')?.text?.endsWith('List') === true) {
      for (const item of items) this.document(item, name, within);
      return;
    }
    this.subjects.push(subject);
    const kind = root.get('kind')?.text;
    const spec = root.get('spec');
    if (kind === 'PrometheusRule' && spec !== undefined)
      this.subjects.push({ ...subject, kind: 'rules', root: spec, within: subject });
    if (kind === 'ConfigMap') this.#files(root.get('data'), subject);
    if (kind === 'Secret') {
      this.#files(root.get('stringData'), subject);
      this.#encoded(root.get('data'), subject);
    }
  }

  /** Charts take whole files as values: `serverFiles: {alerting_rules.yml: …}`. */
  #values(subject: Subject): void {
    const { root } = subject;
    if (isOurs(subject)) {
      this.#part('tocsin', root.get('config'), subject);
      this.#part('rules', root.get('rules'), subject);
    }
    this.#part('alertmanager', root.get('alertmanager', 'config'), subject);
    for (const { value } of root.get('additionalPrometheusRulesMap')?.entries ?? [])
      this.#part('rules', value, subject);
    for (const section of ['serverFiles', 'alertmanagerFiles'])
      for (const { key, value } of root.get(section)?.entries ?? []) this.#embedded(key, value, subject);
  }

  #part(kind: SubjectKind, root: YamlValue | undefined, within: Subject): void {
    if (root?.kind === 'map' && root.entries.length > 0)
      this.subjects.push({ kind, root, file: this.#file, name: within.name, within, isDecoded: within.isDecoded });
  }

  #files(data: YamlValue | undefined, within: Subject): void {
    for (const { key, value } of data?.entries ?? []) this.#embedded(key, value, within);
  }

  /** The operator of Prometheus keeps alertmanager.yaml in a Secret, where it is base64. */
  #encoded(data: YamlValue | undefined, within: Subject): void {
    for (const { key, value } of data?.entries ?? []) {
      if (value.text === undefined || !yamlEnding.test(key)) continue;
      const text = Buffer.from(value.text, 'base64').toString('utf8');
      if (!/^[\w\s+/=-]*$/.test(value.text) || /[\0\ufffd]/.test(text)) continue;
      const { documents, findings } = readYaml({ text, place: () => value.range.start });
      this.findings.push(...findings);
      for (const document of documents) this.document(document, key, { ...within, isDecoded: true });
    }
  }

  #embedded(key: string, value: YamlValue, within: Subject): void {
    if (value.kind === 'map') return this.document(value, key, within);
    if (value.kind !== 'scalar' || depthOf(within) >= maxNesting) return;
    if (key.endsWith('.tmpl')) {
      this.subjects.push({ kind: 'template', root: value, file: this.#file, name: key, within });
      return;
    }
    if (!yamlEnding.test(key)) return;
    const { documents, findings } = readYaml(value.source);
    this.findings.push(...findings);
    for (const document of documents) this.document(document, key, within);
  }
}

/** A file of `scrape_config_files`, or of additional scrape configurations of the operator, is the list alone. */
function withSection(root: YamlValue): YamlValue {
  if (root.kind !== 'list' || !root.items.some((item) => item.has('job_name'))) return root;
  const keyRange = { start: root.range.start, end: root.range.start };
  return new YamlValue({ kind: 'map', range: root.range, entries: [{ key: 'scrape_configs', keyRange, value: root }] });
}

/** A template file is one text. */
function templateOf(name: string, text: string): Subject {
  const range = { start: 0, end: text.length };
  const offsets = () => (index: number) => Math.max(0, Math.min(index, text.length));
  const root = new YamlValue({ kind: 'scalar', range, scalar: text, style: 'plain', offsets });
  return { kind: 'template', root, file: name, name };
}

function depthOf(subject: Subject): number {
  return subject.within === undefined ? 1 : depthOf(subject.within) + 1;
}
