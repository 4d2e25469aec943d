import { nearestName } from '../config/settings/unknown-key.ts';
import type { Reader } from '../config/settings/reader.ts';
import { readChoice, readDuration, readPath } from '../config/settings/value-readers.ts';
import { pipelineTypes } from '../routes/route-pipeline.ts';
import { metricsForms } from '../routes/route-queries.ts';
import { objectFlags, readNamespace } from './rules-print.ts';

/** As Kubernetes has the names of services (DNS-1035). */
const readService: Reader<string> = (found) =>
  typeof found === 'string' && /^[a-z](?:[a-z\d-]{0,61}[a-z\d])?$/.test(found)
    ? { value: found }
    : { allowed: 'the name of a service: a lower-case letter, then letters, digits and dashes' };

const readDomain: Reader<string> = (found) =>
  typeof found === 'string' && found.length <= 253 && /^[a-z\d](?:[a-z\d.-]*[a-z\d])?$/.test(found)
    ? { value: found }
    : { allowed: 'a DNS name, such as cluster.local' };

const readBasePath: Reader<string> = (found) =>
  typeof found === 'string' && /^(?:\/[^\s?#]*)?$/.test(found)
    ? { value: found }
    : { allowed: 'a path that begins with a slash, or nothing' };

/** A share; `off` is undefined. */
const readShare: Reader<number | 'off'> = (found) => {
  if (found === 'off') return { value: found };
  const allowed = 'a number over 0 up to 1, such as 0.99, or off';
  if (typeof found === 'string' && /^(?:0?\.\d{1,9}|1(?:\.0+)?)$/.test(found) && Number(found) > 0)
    return { value: Number(found) };
  const [, percent] = typeof found === 'string' ? (/^(\d{1,2}(?:\.\d{1,6})?)\s*%?$/.exec(found) ?? []) : [];
  const share = Number((Number(percent) / 100).toPrecision(9));
  return share > 0 && share < 1 ? { allowed, suggestion: String(share) } : { allowed };
};

function readRate(isZeroAllowed: boolean): Reader<number> {
  return (found) => {
    const value = typeof found === 'string' && /^\d{1,9}(?:\.\d{1,6})?$/.test(found) ? Number(found) : -1;
    return value > 0 || (value === 0 && isZeroAllowed)
      ? { value }
      : { allowed: `a number ${isZeroAllowed ? 'from 0 up' : 'over 0'}, such as 0.1` };
  };
}

const readPipelineType: Reader<string> = (found) => {
  if (typeof found === 'string' && pipelineTypes.includes(found.toLowerCase())) return { value: found };
  const suggestion = typeof found === 'string' ? nearestName(found, pipelineTypes) : undefined;
  if (suggestion === undefined && typeof found === 'string' && /^[A-Za-z][A-Za-z\d]{0,62}$/.test(found))
    return { value: found };
  return { allowed: `${pipelineTypes.join(', ')}, or a kind that another controller has`, suggestion };
};

const readPipelineName: Reader<string> = (found) =>
  typeof found === 'string' && /^[a-z\d](?:[a-z\d.-]{0,251}[a-z\d])?$/.test(found)
    ? { value: found }
    : { allowed: 'the name of a pipeline: lower-case letters, digits, dashes and dots' };

/** A name that every version of Prometheus takes. */
const readWord: Reader<string> = (found) =>
  typeof found === 'string' && /^[A-Za-z_][\w-]{0,99}$/.test(found)
    ? { value: found }
    : { allowed: 'a word of letters, digits, _ and -' };

const latency = {
  placeholder: 'DURATION',
  read: readDuration('1ms', '1h'),
  unit: 'duration',
  otherwise: 'no rule',
} as const;

/** Where the routes come from, when a route is bad, and what its alert says. */
export const generateFlags = {
  openApi: {
    name: 'open-api',
    placeholder: 'FILE',
    read: readPath,
    isList: true,
    help: 'An OpenAPI document, version 2 or 3; may be given more than once.',
    unit: 'path, - is standard input',
    otherwise: 'none',
  },
  proto: {
    name: 'proto',
    placeholder: 'FILE',
    read: readPath,
    isList: true,
    help: 'A .proto file; may be given more than once.',
    unit: 'path, - is standard input',
    otherwise: 'none',
  },
  serviceProfile: {
    name: 'service-profile',
    placeholder: 'FILE',
    read: readPath,
    help: 'A ServiceProfile of Linkerd, which also names the service.',
    unit: 'path, - is standard input',
    otherwise: 'none',
  },
  service: {
    name: 'service',
    placeholder: 'NAME',
    read: readService,
    help: 'The service that has the routes.',
    unit: 'name',
    otherwise: 'that of the ServiceProfile',
  },
  namespace: {
    name: 'namespace',
    short: 'n',
    placeholder: 'NAMESPACE',
    read: readNamespace,
    help: 'The namespace of the service.',
    unit: 'name',
    otherwise: 'that of the ServiceProfile, otherwise default',
  },
  clusterDomain: {
    name: 'cluster-domain',
    placeholder: 'DOMAIN',
    read: readDomain,
    help: 'The domain of the cluster.',
    unit: 'DNS name',
    default: 'cluster.local',
  },
  basePath: {
    name: 'base-path',
    placeholder: 'PATH',
    read: readBasePath,
    help: 'What stands before the paths of the OpenAPI document.',
    unit: 'path of a URL',
    otherwise: 'its basePath (version 2), otherwise nothing',
  },
  metrics: {
    name: 'metrics',
    placeholder: 'FORM',
    read: readChoice(metricsForms),
    help: 'Metrics of ServiceProfiles, or of HTTPRoutes and GRPCRoutes.',
    unit: metricsForms.join(', '),
    default: 'linkerd',
  },
  success: {
    name: 'success',
    placeholder: 'SHARE',
    read: readShare,
    help: 'The least share of the requests that has to succeed.',
    unit: '0 to 1, or off for no rule',
    default: '0.9',
  },
  p50: { ...latency, name: 'p50', help: 'The longest latency that half of the requests may have.' },
  p95: { ...latency, name: 'p95', help: 'The longest latency that 95% of the requests may have.' },
  p99: { ...latency, name: 'p99', help: 'The longest latency that 99% of the requests may have.' },
  rps: {
    name: 'rps',
    placeholder: 'RATE',
    read: readRate(false),
    help: 'The most requests a second.',
    unit: 'requests a second',
    otherwise: 'no rule',
  },
  minRps: {
    name: 'min-rps',
    placeholder: 'RATE',
    read: readRate(true),
    help: 'The floor on traffic: fewer requests say nothing about success and latency.',
    unit: 'requests a second',
    default: '0.1',
  },
  window: {
    name: 'window',
    placeholder: 'DURATION',
    read: readDuration('10s', '1d'),
    help: 'Over which requests are counted; at least four scrapes long.',
    unit: 'duration',
    default: '5m',
  },
  rpsWindow: {
    name: 'rps-window',
    placeholder: 'DURATION',
    read: readDuration('10s', '1d'),
    help: 'The same, for --rps alone.',
    unit: 'duration',
    otherwise: 'that of --window',
  },
  for: {
    name: 'for',
    placeholder: 'DURATION',
    read: readDuration('0s', '1d'),
    help: 'How long a route has to be bad before the alert fires.',
    unit: 'duration',
    default: '2m',
  },
  severity: {
    name: 'severity',
    placeholder: 'WORD',
    read: readWord,
    help: 'The label severity of the alerts.',
    unit: 'word',
    default: 'warning',
  },
  pipelineType: {
    name: 'pipeline-type',
    placeholder: 'KIND',
    read: readPipelineType,
    help: 'Pipelines of which kind a bad route wakes.',
    unit: pipelineTypes.join(', '),
    otherwise: 'by the signal for a route of OTLP, otherwise every kind',
  },
  pipelineName: {
    name: 'pipeline-name',
    placeholder: 'NAME',
    read: readPipelineName,
    help: 'Which pipeline a bad route wakes.',
    unit: 'name',
    otherwise: 'all of the kind',
  },
  successAlert: {
    name: 'success-alert',
    placeholder: 'NAME',
    read: readWord,
    help: 'The name of the alert on success; GatewaySomeDataDropped changes the condition.',
    unit: 'word, which gets the prefix of the kind',
    default: 'RouteSuccessRateLow',
  },
  emit: {
    name: 'emit',
    placeholder: 'WHAT',
    read: readChoice(['rules', 'service-profile']),
    help: 'What to write: rules, or the ServiceProfile that goes with them.',
    unit: 'rules, service-profile',
    default: 'rules',
  },
  output: {
    name: 'output',
    short: 'o',
    placeholder: 'FORM',
    read: readChoice(['rules', 'configmap', 'prometheusrule', 'yaml', 'json']),
    help: 'A rule file (rules and yaml are the same), an object, or JSON.',
    unit: 'rules, configmap, prometheusrule, yaml, json',
    otherwise: 'rules, for a ServiceProfile yaml',
  },
  objectNamespace: {
    name: 'object-namespace',
    placeholder: 'NAMESPACE',
    read: readNamespace,
    help: 'The namespace of the ConfigMap or PrometheusRule.',
    unit: 'name',
    otherwise: 'none, so that of kubectl',
  },
  ...objectFlags,
} as const;
