import { nearestName } from '../../config/settings/unknown-key.ts';
import { shown } from '../leaf-values.ts';
import type { Rule, Subject } from '../rule.ts';
import { FileShape } from '../shape.ts';
import type { YamlValue } from '../yaml-value.ts';

interface Address {
  readonly value: YamlValue;
  readonly host: string;
}

interface ServiceName {
  readonly name: string;
  readonly namespace: string | undefined;
}

/** Where alerts go to, and whom Tocsin asks, has to be a Service that there is, if the call has the manifests of Services. */
export const serviceRule: Rule = ({ subject, all, report }) => {
  const services = all.flatMap(servicesOf);
  if (services.length === 0) return;
  for (const { value, host } of addressesOf(subject)) {
    const asked = serviceIn(host);
    if (asked === undefined || services.some((service) => isSame(asked, service))) continue;
    const meant = nearest(asked, services);
    report('unknown-service', value, `no manifest of this call has the Service ${shown(showService(asked))}`, {
      severity: meant === undefined ? 'info' : 'warning',
      hint:
        meant === undefined
          ? `there are: ${[...new Set(services.map(showService))].slice(0, 10).join(', ')}`
          : `did you mean ${showService(meant)}?`,
    });
  }
};

/** A prefix of kustomize or Helm often makes the difference. */
function nearest({ name }: ServiceName, services: readonly ServiceName[]): ServiceName | undefined {
  const near = nearestName(
    name,
    services.map((service) => service.name),
  );
  return (
    services.find((service) => service.name === near) ??
    services.find((service) => name.endsWith(service.name) || service.name.endsWith(name))
  );
}

function servicesOf({ root }: Subject): readonly ServiceName[] {
  const name = root.get('metadata', 'name')?.text;
  if (root.get('kind')?.text !== 'Service' || name === undefined) return [];
  return [{ name, namespace: root.get('metadata', 'namespace')?.text }];
}

function showService({ name, namespace }: ServiceName): string {
  return namespace === undefined ? name : `${name}.${namespace}`;
}

function isSame(asked: ServiceName, service: ServiceName): boolean {
  const isNear =
    asked.namespace === undefined || service.namespace === undefined || asked.namespace === service.namespace;
  return asked.name === service.name && isNear;
}

/** Ends of names that are not of a cluster. */
const domains =
  /\.(?:com|org|net|io|dev|app|cloud|local|localhost|lan|internal|intern|corp|example|test|invalid|de|uk|fr|eu|us|kr|jp|cn|in|ch|at)$/;

/** `name`, `name.namespace`, `name.namespace.svc`, `name.namespace.svc.cluster.local`; undefined for what is no Service. */
function serviceIn(host: string): ServiceName | undefined {
  const [, name, namespace, svc] = /^([a-z][a-z\d-]*)(?:\.([a-z][a-z\d-]*)(\.svc(?:\.[\w.-]+)?)?)?$/.exec(host) ?? [];
  if (name === undefined || name === 'localhost' || (svc === undefined && domains.test(host))) return undefined;
  return { name, namespace };
}

function* addressesOf(subject: Subject): Generator<Address, void> {
  if (subject.kind === 'prometheus') yield* targetsOf(subject);
  if (subject.kind === 'alertmanager') yield* webhooksOf(subject);
  const url = subject.kind === 'tocsin' ? subject.root.get('prometheus', 'url') : undefined;
  for (const value of url === undefined ? [] : [url, ...url.items]) yield* hostOf(value);
  if (subject.root.get('kind')?.text === 'Prometheus') yield* endpointsOf(subject.root);
}

function* targetsOf(subject: Subject): Generator<Address, void> {
  for (const { value, path } of FileShape.of(subject)!.spots(subject.root))
    if (path[0] === 'alerting' && path.at(-2) === 'targets')
      yield { value, host: (value.text ?? '').replace(/:\d+$/, '') };
}

function* webhooksOf(subject: Subject): Generator<Address, void> {
  for (const { value, path } of FileShape.of(subject)!.spots(subject.root))
    if (path.includes('webhook_configs') && path.at(-1) === 'url') yield* hostOf(value);
}

/** Where the Prometheus of the operator sends its alerts. */
function* endpointsOf(prometheus: YamlValue): Generator<Address, void> {
  for (const target of prometheus.get('spec', 'alerting', 'alertmanagers')?.items ?? []) {
    const [value, namespace] = [target.get('name'), target.get('namespace')?.text];
    if (value?.text !== undefined)
      yield { value, host: namespace === undefined ? value.text : `${value.text}.${namespace}` };
  }
}

function* hostOf(value: YamlValue): Generator<Address, void> {
  const host = URL.parse(value.text ?? '')?.hostname;
  if (host) yield { value, host };
}
