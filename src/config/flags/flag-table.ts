import { readPrometheusUrl } from '../settings/http-url.ts';
import { readListenAddress, readExternalUrl, readRoutePrefix } from './listen-address.ts';
import type { Reader } from '../settings/reader.ts';
import { readChoice, readName, readPath } from '../settings/value-readers.ts';
import { AnchoredRegexp, compileRegexp } from '../../matcher/anchored-regexp.ts';
import { askCommands } from './command-table.ts';

const allowed = 'a regular expression in RE2 syntax for the whole origin, as in https://grafana\\.example\\.com';

/** Reads the expression for the origins of web pages that may call the API, in the form that Prometheus and Alertmanager accept. */
const readCorsOrigin: Reader<AnchoredRegexp> = (found) => {
  if (typeof found !== 'string' || found === '') return { allowed };
  try {
    // Compiled as written first: `a)|(b` compiles only once it is wrapped, and would then allow every origin that ends with b.
    compileRegexp(found);
    return { value: new AnchoredRegexp(found) };
  } catch (error) {
    return { allowed: `${allowed} (${(error as Error).message})` };
  }
};

/** A flag of the command line. */
export interface Flag {
  /** Without the dashes. */
  readonly name: string;
  readonly short?: string;
  /** Stands for the value in the help; a flag without a placeholder takes no value. */
  readonly placeholder?: string;
  readonly read?: Reader<unknown>;
  /** True if it may be given more than once. */
  readonly isList?: boolean;
  readonly help: string;
  /** The unit or notation of the value. */
  readonly unit?: string;
  /** The value if the flag is not given, as a user would write it. */
  readonly default?: string;
  /** What applies if the flag is not given, when that is not one fixed value. */
  readonly otherwise?: string;
}

/** Every flag, in the order of the help. The names follow Prometheus and Alertmanager. */
export const flagTable = {
  configFile: {
    name: 'config.file',
    placeholder: 'FILE',
    read: readPath,
    help: 'Configuration in YAML. Flags win over it.',
    unit: 'path',
    otherwise: 'none, every key has its default',
  },
  configWatch: {
    name: 'config.watch',
    placeholder: 'WHEN',
    read: readChoice(['auto', 'on', 'off']),
    help: 'Reload that file when it changes; auto: if it is a mounted one.',
    unit: 'auto, on or off',
    default: 'auto',
  },
  listenAddress: {
    name: 'web.listen-address',
    placeholder: 'HOST:PORT',
    read: readListenAddress,
    help: 'Where to listen; ":9093" is every interface, port 0 a free one.',
    unit: 'host:port',
    default: '127.0.0.1:9093',
  },
  webConfigFile: {
    name: 'web.config.file',
    placeholder: 'FILE',
    read: readPath,
    help: 'TLS, passwords, tokens, in the format of Prometheus.',
    unit: 'path',
    otherwise: 'none, plain HTTP for everybody',
  },
  admissionListenAddress: {
    name: 'web.admission-listen-address',
    placeholder: 'HOST:PORT',
    read: readListenAddress,
    help: 'Where the API server asks whether a trigger is good, by TLS.',
    unit: 'host:port',
    otherwise: 'nowhere',
  },
  admissionCertFile: {
    name: 'web.admission-cert-file',
    placeholder: 'FILE',
    read: readPath,
    help: 'The certificate for that address, in PEM; a new one is read.',
    unit: 'path',
    otherwise: 'none',
  },
  admissionKeyFile: {
    name: 'web.admission-key-file',
    placeholder: 'FILE',
    read: readPath,
    help: 'Its key, in PEM.',
    unit: 'path',
    otherwise: 'none',
  },
  externalUrl: {
    name: 'web.external-url',
    placeholder: 'URL',
    read: readExternalUrl,
    help: 'Under which URL others reach Tocsin, behind a proxy for example.',
    unit: 'http or https URL',
    otherwise: 'none',
  },
  routePrefix: {
    name: 'web.route-prefix',
    placeholder: 'PATH',
    read: readRoutePrefix,
    help: 'What stands before every path, such as /tocsin.',
    unit: 'path of a URL',
    otherwise: 'the path of --web.external-url',
  },
  corsOrigin: {
    name: 'web.cors.origin',
    placeholder: 'REGEX',
    read: readCorsOrigin,
    help: 'Whole origins of web pages that may call the API.',
    unit: 'regular expression, RE2',
    otherwise: 'none may',
  },
  prometheusUrl: {
    name: 'prometheus.url',
    placeholder: 'URL',
    read: readPrometheusUrl,
    help: 'Prometheus to ask what fires; without one, received alerts count.',
    unit: 'http or https URL',
    otherwise: 'that of the file, or none',
  },
  pipelinesFolder: {
    name: 'pipelines.folder',
    placeholder: 'FOLDER',
    read: readPath,
    help: 'Manifests of the pipelines.',
    unit: 'path',
    otherwise: 'that of the file, or the examples of the package',
  },
  kubeconfig: {
    name: 'kubeconfig',
    placeholder: 'FILE',
    read: readPath,
    help: 'Pipelines live in the cluster that this kubeconfig names.',
    unit: 'path',
    otherwise: 'as kubectl finds it, if Kubernetes is chosen',
  },
  context: {
    name: 'context',
    placeholder: 'NAME',
    read: readName,
    help: 'Pipelines live in the cluster of this context of the kubeconfig.',
    unit: 'name',
    otherwise: 'its current-context',
  },
  storagePath: {
    name: 'storage.path',
    placeholder: 'FOLDER',
    read: readPath,
    help: 'Where to write data, such as the status of each pipeline.',
    unit: 'path',
    default: 'data/',
  },
  logLevel: {
    name: 'log.level',
    placeholder: 'LEVEL',
    read: readChoice(['debug', 'info', 'warn', 'error']),
    help: 'The least severe lines to log.',
    unit: 'debug, info, warn or error',
    default: 'info',
  },
  logFormat: {
    name: 'log.format',
    placeholder: 'FORMAT',
    read: readChoice(['json', 'logfmt']),
    help: 'How to write a line of the log.',
    unit: 'json or logfmt',
    otherwise: 'logfmt on a terminal, json otherwise',
  },
  help: { name: 'help', short: 'h', help: 'Show this help.' },
  version: { name: 'version', help: 'Show the version.' },
} as const satisfies Record<string, Flag>;

export type FlagKey = keyof typeof flagTable;

/** The flag of that name, without dashes. */
export function findFlag(name: string): readonly [FlagKey, Flag] | undefined {
  return (Object.entries(flagTable) as [FlagKey, Flag][]).find(([, flag]) => flag.name === name);
}

const commands = [
  ['tocsin [FLAG]...', 'serve until SIGTERM or SIGINT'],
  ['tocsin check-config FILE', 'check a configuration file; exit code 0 if it is good, 1 if not'],
  ['tocsin check-web-config FILE', 'the same for a file of --web.config.file'],
] as const;

/** The text of `--help`, at most 100 columns wide, with a line feed at its end. */
export function helpText(): string {
  const flags: readonly Flag[] = Object.values(flagTable);
  const asking = Object.entries(askCommands).map(([name, { help }]) => [`tocsin ${name}`, help] as const);
  const lines = [
    'Tocsin takes Prometheus alerts in and gives Kubernetes reconciles out.',
    '',
    'Commands:',
    ...align(commands),
    '',
    'Commands with flags of their own ("tocsin COMMAND --help" has them):',
    ...align(asking),
    '',
    'Flags (also as "--flag VALUE"):',
    ...align(flags.flatMap(flagRows)),
    '',
    'Every key of the configuration file, with its default and unit: docs/configuration.md.',
  ];
  return `${lines.join('\n')}\n`;
}

/** A longer name has a row of its own, characters. */
const widestName = 34;

/** One row for the flag's purpose, one for its unit and default. */
export function flagRows(flag: Flag): readonly (readonly [string, string])[] {
  const usage = flag.placeholder === undefined ? `--${flag.name}` : `--${flag.name}=${flag.placeholder}`;
  const short = flag.short === undefined ? '' : `-${flag.short}, `;
  const named = `${short}${usage}`;
  const first: readonly (readonly [string, string])[] =
    named.length > widestName
      ? [
          [named, ''],
          ['', flag.help],
        ]
      : [[named, flag.help]];
  return [
    ...first,
    ...(flag.unit === undefined ? [] : [['', `${flag.unit}; default: ${flag.default ?? flag.otherwise}`] as const]),
  ];
}

/** Two columns. */
export function align(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left, right]) => (right === '' ? 0 : left.length)));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd());
}
