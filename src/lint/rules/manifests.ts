import { showText } from '../../config/settings/show-value.ts';
import { shown } from '../leaf-values.ts';
import type { Rule, RuleContext, Subject } from '../rule.ts';
import type { YamlValue } from '../yaml-value.ts';

/** The ports on which alerts are taken, and on which Prometheus listens. */
const receiverPorts: ReadonlySet<string> = new Set([
  '9093',
  '9090',
  '9094',
  'http',
  'https',
  'web',
  'http-web',
  'webhook',
  'alerts',
]);

function kindOf({ root }: Subject): string | undefined {
  return root.get('kind')?.text;
}

/** `0.0.0.0/0`, `::/0`, or a rule without `from`: whoever reaches the pod may send alerts, and read them. */
export const networkPolicyRule: Rule = (context) => {
  if (kindOf(context.subject) !== 'NetworkPolicy') return;
  for (const rule of context.subject.root.get('spec', 'ingress')?.items ?? []) {
    const ports = (rule.get('ports')?.items ?? []).map((port) => port.get('port')?.text ?? 'all');
    const isReceivers = ports.length === 0 || ports.some((port) => port === 'all' || receiverPorts.has(port));
    if (isReceivers) checkPeers(rule, portsOf(ports), context);
  }
};

const policyHint =
  'name the pods of Prometheus: from: [{namespaceSelector: {...}, podSelector: {...}}], as networkpolicy/ does';

function checkPeers(rule: YamlValue, ports: string, { report }: RuleContext): void {
  const from = rule.get('from');
  if (from === undefined || (from.items.length === 0 && from.kind !== 'scalar'))
    report('open-network-policy', from ?? rule, `a rule without "from" opens ${ports} to everybody`, {
      hint: policyHint,
    });
  for (const cidr of from?.items.map((peer) => peer.get('ipBlock', 'cidr')) ?? [])
    if (cidr?.text?.endsWith('/0') === true)
      report('open-network-policy', cidr, `${shown(cidr.text)} opens ${ports} to everybody`, { hint: policyHint });
}

function portsOf(ports: readonly string[]): string {
  return ports.length === 0 ? 'all ports' : `port ${ports.map((port) => showText(port)).join(', ')}`;
}

const outside: ReadonlySet<string> = new Set(['LoadBalancer', 'NodePort']);

/** A LoadBalancer or NodePort in front of something that asks nobody for a password. */
export const exposedServiceRule: Rule = (context) => {
  const { subject } = context;
  if (subject.kind === 'values') return exposedValues(context);
  const type = subject.root.get('spec', 'type');
  if (kindOf(subject) !== 'Service' || type?.text === undefined || !outside.has(type.text)) return;
  if (isReceiver(subject.root) && !isGuarded(subject, context.all)) reportExposed(type, context);
};

function reportExposed(type: YamlValue, { report }: RuleContext): void {
  report('exposed-service', type, `${type.text} makes an open receiver reachable from outside`, {
    hint: 'write ClusterIP; if it has to be reachable, give it TLS and passwords with --web.config.file',
  });
}

function isReceiver(service: YamlValue): boolean {
  const words = [
    service.get('metadata', 'name'),
    ...(service.get('spec', 'selector')?.entries.map(({ value }) => value) ?? []),
  ];
  const ports = service.get('spec', 'ports')?.items ?? [];
  const numbers = ports.flatMap((port) => [port.get('port')?.text ?? '', port.get('targetPort')?.text ?? '']);
  return (
    numbers.some((port) => /^909[034]$/.test(port)) ||
    words.some((word) => /alertmanager|prometheus|tocsin/i.test(word?.text ?? ''))
  );
}

/** True if a workload of the call that the Service chooses has a web configuration. */
function isGuarded({ root }: Subject, all: readonly Subject[]): boolean {
  const selector = root.get('spec', 'selector')?.entries ?? [];
  return all.some((other) => {
    const template = other.root.get('spec', 'template');
    const labels = template?.get('metadata', 'labels');
    const isChosen = selector.length > 0 && selector.every(({ key, value }) => labels?.get(key)?.text === value.text);
    const containers = template?.get('spec', 'containers')?.items ?? [];
    const words = containers.flatMap((each) => [
      ...(each.get('args')?.items ?? []),
      ...(each.get('command')?.items ?? []),
    ]);
    return isChosen && words.some((word) => /--web\.config\.file/.test(word.text ?? ''));
  });
}

/** Charts have it as `service: {type: LoadBalancer}`, on the top level or in the section of a component. */
function exposedValues(context: RuleContext): void {
  const { root } = context.subject;
  const sections = [
    root,
    ...root.entries.map(({ value }) => value),
    ...['prometheus', 'alertmanager'].map((key) => root.get(key)),
  ];
  for (const section of new Set(sections)) {
    const type = section?.get('service', 'type');
    if (type?.text !== undefined && outside.has(type.text)) reportExposed(type, context);
  }
}
