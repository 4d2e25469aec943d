import type { MutatedPart } from './mutation.ts';

const matching = 'trigger/alert-matchers.ts';
const index = 'trigger/trigger-index.ts';
const choose = 'trigger/choose.ts';
const reach = 'trigger/reach.ts';
const inhibition = 'trigger/inhibition.ts';
const read = 'trigger/read-trigger.ts';
const whyNot = 'trigger/why-not.ts';

export const triggers: MutatedPart = {
  name: 'triggers',
  tests: [
    'trigger/choose.test.ts',
    'trigger/alert-matchers.test.ts',
    'trigger/reach.test.ts',
    'trigger/trigger-index.test.ts',
    'trigger/inhibition.test.ts',
    'trigger/why-not.test.ts',
    'trigger/read-trigger.test.ts',
  ],
  mutations: [
    {
      file: matching,
      from: 'for (const matcher of matchers) if (!isExpression(matcher)',
      to: 'for (const matcher of matchers.slice(0, 1)) if (!isExpression(matcher)',
      means: 'one equality is enough',
    },
    {
      file: matching,
      from: 'for (const matcher of matchers) if (isExpression(matcher)',
      to: 'for (const matcher of matchers.slice(0, 1)) if (isExpression(matcher)',
      means: 'one expression is enough',
    },
    {
      file: matching,
      from: 'if (value.length <= maxTriedLength || !isExpression(matcher))',
      to: 'if (value.length <= maxTriedLength)',
      means: 'a long value is not even compared',
    },
    {
      file: matching,
      from: "labels[name]! : ''",
      to: "labels[name]! : '-'",
      means: 'a missing label differs from an empty one',
    },
    {
      file: index,
      from: "type === '=' && name === label",
      to: "type !== '!=' && name === label",
      means: 'a regular expression is filed as if it were one value',
    },
    {
      file: index,
      from: "name === label && value !== ''",
      to: 'name === label',
      means: 'a trigger for alerts without a label never matches one that lacks it',
    },
    {
      file: index,
      from: 'const anywhere = this.filedUnder({ namespace: undefined, alertname });',
      to: 'const anywhere: readonly Trigger[] = [];',
      means: 'a trigger for any namespace is not found',
    },
    {
      file: index,
      from: 'return namespace === undefined ? anywhere :',
      to: 'return namespace !== null ? anywhere :',
      means: 'a trigger for one namespace is not found',
    },
    {
      file: index,
      from: '[undefined] : [undefined, alertname]',
      to: '[undefined] : [alertname]',
      means: 'a trigger for any name is not found',
    },
    {
      file: index,
      from: 'const names = alertname === undefined ? [undefined] : [undefined, alertname];',
      to: 'const names = [...(byAlertname?.keys() ?? [])];',
      means: 'an alert costs the triggers for every name',
    },
    {
      file: index,
      from: '[...anywhere, ...this.filedUnder({ namespace, alertname })];',
      to: '[...this.#byNamespace.keys()].flatMap((each) => this.filedUnder({ namespace: each, alertname }));',
      means: 'an alert costs the triggers of every namespace',
    },
    {
      file: index,
      from: '    this.delete(trigger.key);\n    this.#byKey.set',
      to: '    this.#byKey.set',
      means: 'the form before a change goes on choosing',
    },
    { file: index, from: '    triggers.delete(trigger);\n', to: '', means: 'a deleted trigger goes on choosing' },
    {
      file: index,
      from: 'if (triggers.size === 0) byAlertname.delete(alertname);',
      to: 'byAlertname.delete(alertname);',
      means: 'a deleted trigger takes others of the same name with it',
    },
    {
      file: index,
      from: 'if (byAlertname.size === 0) this.#byNamespace.delete(namespace);',
      to: 'this.#byNamespace.delete(namespace);',
      means: 'a deleted trigger takes its namespace with it',
    },
    { file: index, from: 'one.key < other.key ? -1 : 1', to: 'one.key < other.key ? 1 : -1', means: 'another order' },
    {
      file: index,
      from: 'matchesAll(trigger.matchers, labels, onUndecided)',
      to: 'matchesAll(trigger.matchers, labels)',
      means: 'nobody hears what could not be decided',
    },
    { file: index, from: '    this.#filed++;\n', to: '', means: 'nobody sees what a change costs' },
    {
      file: choose,
      from: 'if (target.namespace === undefined) return trigger.namespace;',
      to: 'if (target.namespace === undefined) return undefined;',
      means: 'a team reaches a cluster-scoped object of that name',
    },
    {
      file: choose,
      from: 'if (target.namespace === undefined) return trigger.namespace;',
      to: 'if (trigger.namespace !== undefined || target.namespace === undefined) return trigger.namespace;',
      means: 'the namespace of a target is ignored',
    },
    {
      file: choose,
      from: 'if (isDnsSubdomain(name)) return name;',
      to: "if (name !== '') return name;",
      means: 'a label brings a path into a URL',
    },
    {
      file: choose,
      from: 'if (isDnsLabel(namespace)) return namespace;',
      to: 'return namespace;',
      means: 'a label brings any namespace in',
    },
    {
      file: choose,
      from: "if (error instanceof NoName) return { by: 'none', problem: error.message };\n    throw error;",
      to: 'throw error;',
      means: 'one target without a name stops all others',
    },
    {
      file: choose,
      from: 'return triggers.matching(alert.labels).map(',
      to: 'return triggers.matching(alert.labels).slice(0, 1).map(',
      means: 'one trigger shuts out another',
    },
    {
      file: choose,
      from: '{ apiVersion, kind } : { apiVersion, kind, namespace }',
      to: '{ apiVersion, kind } : { apiVersion, kind }',
      means: 'an object of the same name elsewhere is woken',
    },
    {
      file: choose,
      from: '...(target.kind !== undefined && { kind: target.kind }) };',
      to: '};',
      means: 'the top owner is woken where a kind was named',
    },
    {
      file: reach,
      from: 'if (namespace === undefined || object.namespace === namespace) return undefined;',
      to: 'if (namespace === undefined || object.namespace === namespace || object.namespace === undefined) return undefined;',
      means: 'a team reaches what is cluster-scoped',
    },
    {
      file: reach,
      from: 'labelOf(object, grantingLabel) === namespace',
      to: 'labelOf(object, grantingLabel) !== undefined',
      means: 'what was granted to one team is granted to all',
    },
    { file: reach, from: 'object.kind !== kind || ', to: '', means: 'every kind of the group is allowed' },
    {
      file: reach,
      from: ' || readApiVersion(object.apiVersion)?.group !== group)',
      to: ')',
      means: 'a kind of the same name in another group is allowed',
    },
    {
      file: reach,
      from: 'namespaces !== undefined && (object.namespace === undefined || !namespaces.includes(object.namespace))',
      to: 'namespaces !== undefined && object.namespace !== undefined && !namespaces.includes(object.namespace)',
      means: 'a list of namespaces allows what has none',
    },
    {
      file: reach,
      from: 'selector === undefined || (object.labels !== undefined && selects(selector, object.labels))',
      to: 'selector === undefined || selects(selector, object.labels ?? {})',
      means: 'labels that are not known are taken for none',
    },
    { file: reach, from: 'allowed.some((entry)', to: 'allowed.every((entry)', means: 'no entry allows everything' },
    {
      file: inhibition,
      from: 'return !(results.matches(trigger, alert, inhibition) && results.matches(trigger, source));',
      to: 'return true;',
      means: 'an alert inhibits itself for ever',
    },
    {
      file: inhibition,
      from: 'if (scope === undefined) return this.#firing.all;',
      to: 'if (scope !== undefined || scope === undefined) return this.#firing.all;',
      means: 'an alert of another team inhibits',
    },
    {
      file: inhibition,
      from: 'return [...own, ...(await this.#platform).filter(({ labels }) => !scope.matches(labels))];',
      to: 'return own;',
      means: 'a node that is down inhibits nothing',
    },
    {
      file: inhibition,
      from: "return Object.hasOwn(labels, name) ? labels[name]! : '';",
      to: "return Object.hasOwn(labels, name) ? labels[name]! : '-';",
      means: 'a missing label differs from an empty one',
    },
    {
      file: inhibition,
      from: 'const known = this.#found.get(inhibition) ??',
      to: 'const known = [...trigger.inhibitedBy].map((each) => this.#found.get(each)).find(Boolean) ??',
      means: 'the sources of one inhibition are those of another',
    },
    {
      file: read,
      from: "return strategy === 'OnNamespace' || namespace !== receiverNamespace;",
      to: 'return namespace !== receiverNamespace;',
      means: 'the namespace of Tocsin sees the alerts of all',
    },
    {
      file: read,
      from: 'matchers: [...(scope === undefined ? [] : [scope]), ...',
      to: 'matchers: [...',
      means: 'a team sees the alerts of others',
    },
    {
      file: read,
      from: 'Math.max(asked, floor)',
      to: 'spec.minInterval ?? floor',
      means: 'a team goes below the floor',
    },
    {
      file: whyNot,
      from: 'now < (suspend.until ?? Number.POSITIVE_INFINITY)',
      to: 'now <= (suspend.until ?? Number.POSITIVE_INFINITY)',
      means: 'a suspension does not end at its time',
    },
    {
      file: whyNot,
      from: 'find((matcher) => !matches(matcher, alert.labels))',
      to: 'findLast((matcher) => !matches(matcher, alert.labels))',
      means: 'the last matcher that fails is named',
    },
  ],
};
