import type { Labelled, LabelSet } from '../alert/labels.ts';
import type { Slices } from '../runtime/slices.ts';
import type { Matcher } from '../matcher/matcher.ts';

/**
 * The namespace of an alert; undefined if it has none, so that it belongs to nobody but the owner of the cluster.
 * @param label `triggers.namespace_label`
 */
export function namespaceOf(labels: LabelSet, label: string): string | undefined {
  const namespace = Object.hasOwn(labels, label) ? labels[label] : undefined;
  return namespace === '' ? undefined : namespace;
}

/** The namespaces of some alerts. */
export async function namespacesOfAlerts(
  alerts: Iterable<Labelled>,
  label: string,
  slices: Slices,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  let looked = 0;
  for (const { labels } of alerts) {
    const namespace = namespaceOf(labels, label);
    if (namespace !== undefined) found.add(namespace);
    if (++looked % alertsPerStep === 0 && slices.isOver) await slices.yieldTurn();
  }
  return found;
}

/** The number of alerts between two looks at the clock. */
const alertsPerStep = 64;

/** The values that matchers require of the namespace by equality. Without any, they may concern every namespace. */
export function requiredNamespaces(
  matchers: readonly Pick<Matcher, 'name' | 'type' | 'value'>[],
  label: string,
): readonly string[] {
  return matchers.filter(({ name, type }) => name === label && type === '=').map(({ value }) => value);
}

/** The namespaces of which a request may see something, or do something to it. Where there is none of these, it may everywhere. */
export class Visible {
  /** The label of an alert that names its namespace. */
  readonly label: string;
  readonly #namespaces: ReadonlySet<string>;

  constructor(namespaces: Iterable<string>, label: string) {
    this.label = label;
    this.#namespaces = new Set(namespaces);
  }

  has(namespace: string | undefined): boolean {
    return namespace !== undefined && this.#namespaces.has(namespace);
  }

  /** True for an alert of one of these namespaces. */
  shows(labels: LabelSet): boolean {
    return this.has(namespaceOf(labels, this.label));
  }

  /** True for a silence that can concern no alert of another namespace. */
  showsSilence({ matchers }: { readonly matchers: Parameters<typeof requiredNamespaces>[0] }): boolean {
    const required = requiredNamespaces(matchers, this.label);
    return required.length > 0 && required.every((namespace) => this.has(namespace));
  }
}
