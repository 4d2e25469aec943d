import type { Rights } from '../access/rights.ts';
import type { AccessResource } from '../access/reviews.ts';
import { namespaceOf } from '../access/visible.ts';
import type { LabelSet } from '../alert/labels.ts';
import type { Fact } from '../history/fact.ts';
import { labelSetsOf, labelsOf, textOf, textsOf } from './fact-fields.ts';

/** Whose a fact is: the namespaces that its reader has to have a right in. */
interface Subject {
  readonly resource: AccessResource;
  readonly namespaces: readonly string[];
}

/** The facts about one alert. */
const ofAlert: ReadonlySet<string> = new Set(['alert.new', 'alert.resolved', 'alert.expired']);

const teamTrigger = /^alerttrigger\/([^/]+)\/[^/]+$/;

/** The namespace of the team whose trigger has this key; undefined if it is the cluster owner's. */
export function teamOfTrigger(key: string): string | undefined {
  return teamTrigger.exec(key)?.[1];
}

/**
 * Whose a fact is; undefined if it is for the owner of the cluster alone. That is every fact that counts or names what may be of
 * several namespaces: a request with its alerts, an event with its causes, a run, a query of Prometheus, what Tocsin says of itself.
 */
export function subjectOf(fact: Fact, namespaceLabel: string): Subject | undefined {
  const whose = (labels: LabelSet): string | undefined => namespaceOf(labels, namespaceLabel);
  if (ofAlert.has(fact.event)) return subject('alerts', [whose(labelsOf(fact['labels']) ?? {})]);
  if (fact.event.startsWith('silence.')) {
    const required = textsOf(fact['matchers']).flatMap((text) => requiredIn(text, namespaceLabel));
    return subject('silences', required);
  }
  // What inhibits may be an alert of the platform, which a team would find out by its matchers.
  if (!fact.event.startsWith('trigger.') || fact.event === 'trigger.inhibited') return undefined;
  const namespace = teamOfTrigger(textOf(fact['trigger']) ?? '');
  return subject('alerts', [namespace, ...labelSetsOf(fact).map(whose)]);
}

/** The value that a matcher requires of a label by equality; none if it does not. */
function requiredIn(matcher: string, label: string): readonly string[] {
  const opening = `${label}="`;
  const value = matcher.startsWith(opening) && matcher.endsWith('"') ? matcher.slice(opening.length, -1) : '';
  return value === '' ? [] : [value];
}

function subject(resource: AccessResource, found: readonly (string | undefined)[]): Subject | undefined {
  const namespaces = found.filter((namespace) => namespace !== undefined);
  return found.length > 0 && namespaces.length === found.length ? { resource, namespaces } : undefined;
}

/** What a sender whose rights Kubernetes judges may see of the history. Rejects with AccessError if nobody can tell. */
export class VisibleFacts {
  readonly #rights: Rights;

  constructor(rights: Rights) {
    this.#rights = rights;
  }

  async shows(fact: Fact): Promise<boolean> {
    if (await this.#rights.everywhere('get', 'alerts')) return true;
    const found = subjectOf(fact, this.#rights.namespaceLabel);
    if (found === undefined) return false;
    for (const namespace of new Set(found.namespaces))
      if (!(await this.#rights.within('get', found.resource, namespace))) return false;
    return true;
  }

  async showsAlert(labels: LabelSet): Promise<boolean> {
    if (await this.#rights.everywhere('get', 'alerts')) return true;
    const namespace = namespaceOf(labels, this.#rights.namespaceLabel);
    return namespace !== undefined && this.#rights.within('get', 'alerts', namespace);
  }

  /** @param key of a trigger */
  async showsTrigger(key: string): Promise<boolean> {
    if (await this.#rights.everywhere('get', 'alerts')) return true;
    const namespace = teamOfTrigger(key);
    return namespace !== undefined && this.#rights.within('get', 'alerts', namespace);
  }
}
