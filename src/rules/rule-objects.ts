import { Document, isMap, isSeq, parseDocument, stringify, type YAMLMap } from 'yaml';
import type { RuleFile } from './rule-files.ts';

/** What stands in the metadata of Kubernetes objects besides the name. */
export interface ObjectOptions {
  /** Undefined: that of the context in which the object is applied. */
  readonly namespace: string | undefined;
  /** More labels, such as those of a `ruleSelector`. */
  readonly labels: Readonly<Record<string, string>>;
}

/** As wide as the files are. */
const format = { lineWidth: 130 };

/** One file with all groups. */
export function asRuleFile(files: readonly RuleFile[]): string {
  const groups = files.flatMap((file) => {
    const [first, ...rest] = groupsOf(file);
    if (first !== undefined) first.commentBefore = comment(file);
    return first === undefined ? [] : [first, ...rest];
  });
  const document = new Document({ groups: [] });
  document.set('groups', groups);
  return document.toString(format);
}

/** A ConfigMap with a file for each group. The names of the files end as the mounts of linkerd-viz want it. */
export function asConfigMap(files: readonly RuleFile[], options: ObjectOptions, name = 'tocsin-rules'): string {
  const data = files.map(({ name: file, header, body }) => [`${file}_rules.yml`, `${header}${body}`]);
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: metadata(name, options),
      data: Object.fromEntries(data),
    },
    { lineWidth: 0, blockQuote: 'literal' },
  );
}

/** A PrometheusRule for each group, one document each. */
export function asPrometheusRules(files: readonly RuleFile[], options: ObjectOptions): string {
  return files
    .map((file) => {
      const document = new Document({
        apiVersion: 'monitoring.coreos.com/v1',
        kind: 'PrometheusRule',
        metadata: metadata(file.name, options),
        spec: { groups: [] },
      });
      document.setIn(['spec', 'groups'], groupsOf(file));
      document.commentBefore = comment(file);
      return document.toString(format);
    })
    .join('---\n');
}

function metadata(name: string, { namespace, labels }: ObjectOptions): object {
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    labels: { 'app.kubernetes.io/name': 'tocsin', 'app.kubernetes.io/part-of': 'tocsin', ...labels },
  };
}

/** The groups of a file, with the comments in them. */
function groupsOf({ name, body }: RuleFile): YAMLMap[] {
  const groups = parseDocument(body).get('groups');
  if (!isSeq(groups)) throw new Error(`${name}: no groups`);
  return groups.items.filter((item) => isMap(item));
}

function comment({ header }: RuleFile): string {
  return header.trimEnd().replaceAll(/^#/gm, '');
}
