import { parse } from 'yaml';
import { AnchoredRegexp } from '../matcher/anchored-regexp.ts';

/**
 * How the labels of an alert that Prometheus reports and those of the same alert when it is pushed compare: Prometheus adds its
 * external labels, and may relabel.
 */
export interface ComparedLabels {
  /** True if the label may differ, so that it is not compared. */
  readonly isLeftOut: (name: string) => boolean;
  /** The names that are left out, and whether there are others, chosen by a pattern. */
  readonly names: ReadonlySet<string>;
  readonly hasPatterns: boolean;
  /** Why the two cannot be compared at all; undefined if they can. */
  readonly incomparable: string | undefined;
  /** Why a reported alert need not be pushed; undefined if each is. */
  readonly dropped: string | undefined;
}

type Section = Readonly<Record<string, unknown>>;

/** Chooses labels by their name. */
type Choice = (name: string) => boolean;

interface Draft {
  readonly names: Set<string>;
  readonly choices: Choice[];
  incomparable: string | undefined;
  dropped: string | undefined;
}

/**
 * @param configurations the sections `global` and `alerting` of each Prometheus, as YAML
 * @param ignored `prometheus.ignored_labels`
 */
export function comparedLabels(configurations: readonly string[], ignored: readonly string[]): ComparedLabels {
  const draft: Draft = { names: new Set(ignored), choices: [], incomparable: undefined, dropped: undefined };
  try {
    for (const text of configurations) addConfiguration(draft, sectionOf(parse(text, { maxAliasCount: 0 })));
  } catch (error) {
    draft.incomparable = `its configuration cannot be read (${error instanceof Error ? error.message.split('\n')[0] : 'no YAML'})`;
  }
  const { names, choices, incomparable, dropped } = draft;
  const isLeftOut = (name: string): boolean => names.has(name) || choices.some((choice) => choice(name));
  return { isLeftOut, names, hasPatterns: choices.length > 0, incomparable, dropped };
}

function addConfiguration(draft: Draft, configuration: Section): void {
  const external = sectionOf(sectionOf(configuration['global'])['external_labels']);
  for (const name of Object.keys(external)) draft.names.add(name);
  const alerting = sectionOf(configuration['alerting']);
  // Since version 3, each Alertmanager may have its own relabelling. Which one is Tocsin is unknown, so all count.
  const own = listOf(alerting['alertmanagers']).flatMap((each) => listOf(sectionOf(each)['alert_relabel_configs']));
  for (const step of [...listOf(alerting['alert_relabel_configs']), ...own]) addStep(draft, sectionOf(step));
}

function addStep(draft: Draft, step: Section): void {
  const action = textOf(step['action'], 'replace').toLowerCase();
  switch (action) {
    case 'replace':
    case 'hashmod':
    case 'lowercase':
    case 'uppercase':
      return addTarget(draft, textOf(step['target_label']));
    case 'keep':
    case 'drop':
    case 'keepequal':
    case 'dropequal':
      draft.dropped = `its alert_relabel_configs have the action ${action}, so it need not push every alert`;
      return;
    case 'labeldrop':
    case 'labelkeep':
      return addPattern(draft, action, textOf(step['regex']));
    default:
      draft.incomparable = `its alert_relabel_configs have the action ${action}, so labels may have any name`;
  }
}

function addTarget(draft: Draft, target: string): void {
  if (target === 'alertname') draft.incomparable = 'its alert_relabel_configs rewrite alertname';
  else if (target.includes('$')) draft.incomparable = `its alert_relabel_configs write a label with a computed name`;
  else draft.names.add(target);
}

function addPattern(draft: Draft, action: 'labeldrop' | 'labelkeep', expression: string): void {
  const regexp = new AnchoredRegexp(expression);
  // What is too long to be matched may be dropped.
  const isDropped: Choice = (name) => (regexp.test(name) ?? action === 'labeldrop') === (action === 'labeldrop');
  if (isDropped('alertname')) draft.incomparable = 'its alert_relabel_configs drop alertname';
  else draft.choices.push(isDropped);
}

function sectionOf(found: unknown): Section {
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? (found as Section) : {};
}

function textOf(found: unknown, otherwise = ''): string {
  return typeof found === 'string' ? found : otherwise;
}

function listOf(found: unknown): readonly unknown[] {
  return Array.isArray(found) ? (found as readonly unknown[]) : [];
}
