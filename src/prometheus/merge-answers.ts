import { labelKey, type LabelSet } from '../alert/labels.ts';
import type { Slices } from '../runtime/slices.ts';
import type { PrometheusAlerts } from './alerts-response.ts';

/**
 * What several replicas tell, as one: an alert fires if any of them says so, and it is one alert whatever the replicas'
 * own labels say. `alerts` is the largest number that one of them has.
 */
export async function mergeAnswers(
  answers: readonly PrometheusAlerts[],
  ignoredLabels: readonly string[],
  slices: Slices,
): Promise<PrometheusAlerts> {
  const alerts = Math.max(0, ...answers.map((answer) => answer.alerts));
  const [first] = answers;
  if (answers.length === 1 && first !== undefined && !(await hasAny(first.firing, ignoredLabels, slices))) return first;
  const firing = new Map<string, LabelSet>();
  for (const answer of answers) {
    for (const [index, labels] of answer.firing.entries()) {
      const own = without(labels, ignoredLabels);
      const key = labelKey(own);
      if (!firing.has(key)) firing.set(key, own);
      if (index % 64 === 0 && slices.isOver) await slices.breathe();
    }
  }
  return { alerts, firing: [...firing.values()] };
}

async function hasAny(firing: readonly LabelSet[], names: readonly string[], slices: Slices): Promise<boolean> {
  for (const [index, labels] of firing.entries()) {
    if (names.some((name) => Object.hasOwn(labels, name))) return true;
    if (index % 64 === 0 && slices.isOver) await slices.breathe();
  }
  return false;
}

/** Made of entries: a label called `__proto__` stays a label. */
function without(labels: LabelSet, names: readonly string[]): LabelSet {
  if (!names.some((name) => Object.hasOwn(labels, name))) return labels;
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !names.includes(name)));
}
