import { existsSync } from 'node:fs';
import packageJson from '../../package.json' with { type: 'json' };
import { allCategories, preCategories, type CheckSources } from '../check/categories.ts';
import { checkFormats, CheckReport } from '../check/check-report.ts';
import { runChecks } from '../check/run-checks.ts';
import { chooseHome, type HomeChoice } from '../config/choose-home.ts';
import { flagTable } from '../config/flags/flag-table.ts';
import { loadConfig, type LoadedConfig } from '../config/load-config.ts';
import { readChoice, readDuration, readName } from '../config/settings/value-readers.ts';
import { configurationFileBytes, readRegularFileSync } from '../runtime/regular-file.ts';
import { clientFlags, exitDone, exitFailed, plainCommand, UsageError, usageOf, type PlainCall } from './command.ts';
import { isColoured } from './output.ts';

const { version } = packageJson;

/** As of `linkerd check`, milliseconds. */
const defaultWaitMs = 300_000;
const defaultNamespace = 'tocsin';

const flags = {
  ...clientFlags,
  prometheusUrl: {
    ...flagTable.prometheusUrl,
    help: 'The Prometheus that sends the alerts.',
    otherwise: 'that of the file, or none',
  },
  configFile: {
    ...flagTable.configFile,
    help: 'The configuration of Tocsin.',
    otherwise: 'none',
  },
  kubeconfig: {
    ...flagTable.kubeconfig,
    help: 'The cluster of the pipelines.',
    otherwise: 'as kubectl finds it, if Kubernetes is chosen',
  },
  context: {
    ...flagTable.context,
    help: 'The context of the kubeconfig.',
  },
  namespace: {
    name: 'namespace',
    short: 'n',
    placeholder: 'NAME',
    read: readName,
    help: 'The namespace of Tocsin; chooses Kubernetes.',
    unit: 'name',
    default: defaultNamespace,
  },
  pre: { name: 'pre', help: 'Check whether Tocsin can be installed in the cluster.' },
  wait: {
    name: 'wait',
    placeholder: 'TIME',
    read: readDuration('0s', '1d'),
    help: 'How long to try again what may become true; for all checks together.',
    unit: 'duration',
    default: '300s',
  },
  output: {
    name: 'output',
    short: 'o',
    placeholder: 'FORMAT',
    read: readChoice(checkFormats),
    help: 'How to show the results, as linkerd check does.',
    unit: checkFormats.join(', '),
    default: 'table',
  },
  verbose: { name: 'verbose', help: 'Tell of good checks what they found.' },
} as const;

type CheckCall = PlainCall<typeof flags>;

/** `tocsin check`: walks the way of an alert, and tells each hop that is broken. */
export const check = plainCommand({ name: 'check', flags, run: runAll });

async function runAll(call: CheckCall): Promise<number> {
  const { values, words, surroundings } = call;
  if (words.length > 0) throw new UsageError(`check: no arguments, allowed: ${usageOf('check')}`);
  const { stdout, environment, clock } = surroundings;
  const report = new CheckReport({
    format: values.output ?? 'table',
    write: (text) => stdout.write(text),
    isVerbose: values.verbose === true,
    isColoured: isColoured(stdout, environment),
    isTerminal: stdout.isTTY === true,
  });
  const sources = sourcesOf(call);
  const categories = values.pre === true ? preCategories(sources) : allCategories(sources);
  for await (const event of runChecks(categories, { clock, waitMs: values.wait ?? defaultWaitMs })) report.tell(event);
  report.end();
  return report.success ? exitDone : exitFailed;
}

function sourcesOf(call: CheckCall): CheckSources {
  const { configFile, prometheusUrl } = call.values;
  const load = (): LoadedConfig => loadConfig({ configFile, prometheusUrl }, readText);
  return { configuration: { file: configFile, load }, cluster: clusterOf(call, load()) };
}

function clusterOf(call: CheckCall, loaded: LoadedConfig): CheckSources['cluster'] {
  const { surroundings, values } = call;
  const home = homeOf(call, loaded);
  const whyNot = 'problem' in home ? home.problem : home.home === 'kubernetes' ? undefined : home.reason;
  let connected: ReturnType<CheckSources['cluster']['connect']> | undefined;
  return {
    whyNot,
    namespace: values.namespace ?? defaultNamespace,
    connect: async () => {
      if (!('kubeconfigs' in home)) throw new Error(whyNot);
      const { connectCluster } = await import('../app/check-cluster.ts');
      return (connected ??= connectCluster({ access: home, clock: surroundings.clock, version }));
    },
  };
}

/** `--namespace` and `--pre` ask for a cluster as a kubeconfig does. */
function homeOf({ values, surroundings }: CheckCall, loaded: LoadedConfig): HomeChoice {
  const { kubeconfig, context, namespace, pre } = values;
  return chooseHome({
    kubeconfig,
    context,
    folderFlag: false,
    folderInFile: 'inFile' in loaded && loaded.inFile.folder,
    kubernetesInFile: namespace !== undefined || pre === true || ('inFile' in loaded && loaded.inFile.kubernetes),
    environment: surroundings.environment,
    exists: existsSync,
  });
}

function readText(path: string): string {
  return readRegularFileSync(path, configurationFileBytes).toString('utf8');
}
