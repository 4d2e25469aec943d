import { isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { Document, YAMLMap, YAMLSeq } from 'yaml';

/** A value of a YAML file, and where it stands. Offsets count UTF-16 units from the start of the text. */
export interface YamlNode {
  readonly value: unknown;
  readonly offset: number;
  /** Where its key stands; `offset` if it has none. */
  readonly keyOffset: number;
  /** What a map holds, by key, or a list, by index from "0" up; empty for everything else. */
  readonly children: ReadonlyMap<string, YamlNode>;
}

/** Takes a problem, its place, the way to its key, and the place of something earlier that it has to do with. */
export type ReportYamlProblem = (offset: number, path: readonly string[], text: string, earlierOffset?: number) => void;

interface Walk {
  readonly report: ReportYamlProblem;
  readonly anchors: Map<string, YamlNode>;
}

/**
 * The document as plain values with their places. Reports keys given twice (the last one counts) and aliases without an
 * anchor. An alias shares what its anchor holds, so that nested aliases cost nothing until someone writes them out in full.
 */
export function yamlTree(document: Document, report: ReportYamlProblem): YamlNode {
  return walk(document.contents, [], 0, { report, anchors: new Map() });
}

/** @param keyOffset where a value that is not there would have been */
function walk(node: unknown, path: readonly string[], keyOffset: number, context: Walk): YamlNode {
  if (isAlias(node)) return walkAlias(node.source, path, keyOffset, node.range?.[0] ?? keyOffset, context);
  const tree = { ...walkValue(node, path, keyOffset, context), keyOffset };
  // After its content: an alias inside the content would make it endless, and finds no anchor.
  if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined)
    context.anchors.set(node.anchor, tree);
  return tree;
}

function walkAlias(name: string, path: readonly string[], keyOffset: number, offset: number, context: Walk): YamlNode {
  const anchored = context.anchors.get(name);
  if (anchored !== undefined) return { ...anchored, offset, keyOffset };
  context.report(offset, path, 'alias without an anchor before it, allowed: an alias of an earlier "&" anchor');
  return leaf(undefined, offset);
}

function walkValue(node: unknown, path: readonly string[], keyOffset: number, context: Walk): YamlNode {
  if (isMap(node)) return walkMap(node, path, context);
  if (isSeq(node)) return walkSequence(node, path, context);
  return isScalar(node) ? leaf(node.value, node.range?.[0] ?? keyOffset) : leaf(null, keyOffset);
}

function walkMap(map: YAMLMap, path: readonly string[], context: Walk): YamlNode {
  const children = new Map<string, YamlNode>();
  const offset = map.range?.[0] ?? 0;
  for (const { key, value } of map.items) {
    const name = isScalar(key) ? String(key.value) : '';
    const keyOffset = (isScalar(key) ? key.range?.[0] : undefined) ?? offset;
    const keyPath = [...path, name];
    const earlier = children.get(name);
    if (earlier !== undefined) context.report(keyOffset, keyPath, 'given twice', earlier.keyOffset);
    children.set(name, walk(value, keyPath, keyOffset, context));
  }
  // fromEntries, unlike an assignment, takes also "__proto__" for a mere key.
  return {
    value: Object.fromEntries([...children].map(([key, child]) => [key, child.value])),
    offset,
    keyOffset: offset,
    children,
  };
}

function walkSequence(sequence: YAMLSeq, path: readonly string[], context: Walk): YamlNode {
  const offset = sequence.range?.[0] ?? 0;
  const items = sequence.items.map((item, index) => walk(item, [...path, String(index)], offset, context));
  return {
    value: items.map((item) => item.value),
    offset,
    keyOffset: offset,
    children: new Map(items.map((item, index) => [String(index), item])),
  };
}

function leaf(value: unknown, offset: number): YamlNode {
  return { value, offset, keyOffset: offset, children: new Map() };
}
