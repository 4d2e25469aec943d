import { existsSync, readdirSync } from 'node:fs';
import packageJson from '../../package.json' with { type: 'json' };
import { allCategories, preCategories, type CheckSources } from '../check/categories.ts';
import { CheckReport } from '../check/check-report.ts';
import { pageOf, probe } from '../check/probe.ts';
import { runChecks } from '../check/run-checks.ts';
import type { ClusterSettings } from '../check/cluster.ts';
import type { ConnectedCluster } from '../app/check-places.ts';
import { Status } from '../explain/schema-status.ts';
import { defaultNamespace, flags } from './check-flags.ts';
import type { ApiClient } from './client.ts';
import { chooseHome, type HomeChoice } from '../config/choose-home.ts';
import { loadConfig, type LoadedConfig } from '../config/load-config.ts';
import { triggerRules } from '../config/triggers-section.ts';
import { TenantCompiler } from '../config/tenant-configs.ts';
import { configurationFileBytes, readRegularFileSync } from '../runtime/regular-file.ts';
import {
  createClient,
  exitDone,
  exitFailed,
  plainCommand,
  urlFor,
  UsageError,
  usageOf,
  type PlainCall,
} from './command.ts';
import { isColoured } from './output.ts';

const { version } = packageJson;

/** As of `linkerd check`, milliseconds. */
const defaultWaitMs = 300_000;
/** How long one answer of Tocsin may take, milliseconds: shorter than an attempt, so that the check says who hangs. */
const answerMs = 10_000;

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
    columns: stdout.columns,
  });
  const around = new Around(call, await createClient(values, surroundings, { timeoutMs: answerMs }));
  const categories = values.pre === true ? preCategories(around) : allCategories(around);
  try {
    const options = { clock, waitMs: values.wait ?? defaultWaitMs };
    for await (const event of runChecks(categories, options)) report.tell(event);
  } finally {
    await around.close();
  }
  report.end();
  return report.success ? exitDone : exitFailed;
}

/** What stands around the way of an alert, as the flags, the environment and the configuration name it. */
class Around implements CheckSources {
  readonly configuration: CheckSources['configuration'];
  readonly storage: CheckSources['storage'];
  readonly cluster: CheckSources['cluster'];
  readonly folder: CheckSources['folder'];
  readonly chain: CheckSources['chain'];
  readonly triggerRules: CheckSources['triggerRules'];
  readonly tenants: CheckSources['tenants'];
  readonly notify: CheckSources['notify'];
  readonly #call: CheckCall;
  readonly #api: ApiClient;
  readonly #home: HomeChoice;
  #connected: Promise<ConnectedCluster> | undefined;
  /** Asked once: one that hangs must not be waited for in each check. */
  #running: Promise<Status | undefined> | undefined;

  constructor(call: CheckCall, api: ApiClient) {
    this.#call = call;
    this.#api = api;
    const { values } = call;
    const loaded = this.#load();
    this.#home = homeOf(call, loaded);
    const running = (): Promise<Status> => this.#status();
    this.configuration = {
      file: values.configFile,
      load: () => this.#load(),
      otherFiles: [...asList(values.httpConfig), ...('kubeconfigs' in this.#home ? this.#home.kubeconfigs : [])],
      running: this.#asksTocsin ? running : undefined,
    };
    this.storage = { folder: values.storagePath };
    this.cluster = this.#createCluster();
    this.folder = this.#createFolder(loaded);
    this.chain = this.#createChain(loaded);
    this.triggerRules = () => {
      if ('problems' in loaded) throw new Error(loaded.problems.join('\n'));
      return triggerRules(loaded.config.triggers, values.namespace ?? defaultNamespace);
    };
    this.tenants = this.#createTenants(loaded);
    this.notify = values.notify === true ? { load: () => this.#load(), version } : undefined;
  }

  async close(): Promise<void> {
    await (await this.#connected?.catch(() => undefined))?.close();
  }

  /** A Tocsin in a cluster is asked only at a URL: nobody listens at the usual address of this machine. */
  get #asksTocsin(): boolean {
    const { values, surroundings } = this.#call;
    const isNamed = values.url !== undefined || Boolean(surroundings.environment['TOCSIN_URL']);
    return values.pre !== true && (isNamed || !('kubeconfigs' in this.#home));
  }

  #load(): LoadedConfig {
    const { configFile, prometheusUrl, pipelinesFolder } = this.#call.values;
    const compiler = new TenantCompiler();
    return loadConfig({ configFile, prometheusUrl, pipelinesFolder }, readText, { compiler, listFolder });
  }

  #createTenants(loaded: LoadedConfig): CheckSources['tenants'] {
    if ('problems' in loaded || loaded.config.tenants.by === null) return undefined;
    const { surroundings } = this.#call;
    return {
      list: () => loaded.tenants ?? [],
      by: loaded.config.tenants.by,
      homeProblem: async (home) => {
        const { tenantHomeProblem } = await import('../app/check-places.ts');
        return tenantHomeProblem(home, { clock: surroundings.clock, version });
      },
    };
  }

  #status(): Promise<Status> {
    return this.#api.get(Status, '/status');
  }

  #createCluster(): CheckSources['cluster'] {
    const home = this.#home;
    const { values } = this.#call;
    return {
      whyNot: 'home' in home && home.home === 'standalone' ? `no cluster: ${home.reason}` : undefined,
      namespace: values.namespace ?? defaultNamespace,
      isNamespaceGiven: values.namespace !== undefined,
      connect: () => (this.#connected ??= this.#connect()),
      settings: () => this.#settings(),
    };
  }

  async #connect(): Promise<ConnectedCluster> {
    if ('problem' in this.#home) throw new Error(this.#home.problem);
    if (!('kubeconfigs' in this.#home)) throw new Error(this.cluster.whyNot);
    const { values, surroundings } = this.#call;
    const { connectCluster } = await import('../app/check-places.ts');
    return connectCluster({ access: { ...this.#home, as: values.as }, clock: surroundings.clock, version });
  }

  /** Without a file, the running Tocsin says what it does. */
  async #settings(): Promise<ClusterSettings> {
    const loaded = this.#load();
    if ('problems' in loaded) throw new Error(loaded.problems.join('\n'));
    const { controller, pipelines } = loaded.config;
    const asked = this.#call.values.configFile === undefined && this.#asksTocsin;
    const running = asked ? await (this.#running ??= this.#status().catch(() => undefined)) : undefined;
    return { action: running?.action ?? controller.action, kinds: pipelines.kubernetes.kinds };
  }

  #createChain(loaded: LoadedConfig): CheckSources['chain'] {
    const { values, surroundings } = this.#call;
    const { clock } = surroundings;
    const config = 'problems' in loaded ? undefined : loaded.config;
    return {
      tocsin: this.#asksTocsin ? this.#api : undefined,
      tocsinUrl: urlFor(values, surroundings),
      config,
      inspect: async (urls) => {
        const { inspectServers } = await import('../app/check-places.ts');
        return inspectServers({ urls, config: config?.prometheus, clock, version });
      },
      probe: (url, signal) => probe(clock, url, signal),
      page: (url, signal) => pageOf(clock, url, signal),
      version,
    };
  }

  /** The default folder is known only to the Tocsin that serves. */
  #createFolder(loaded: LoadedConfig): CheckSources['folder'] {
    if (this.cluster.whyNot === undefined || 'problems' in loaded || !loaded.pipelinesFolderGiven) return undefined;
    const { folder } = loaded.config.pipelines;
    return {
      folder,
      read: async () => {
        const { readPipelinesFolder } = await import('../app/check-places.ts');
        return readPipelinesFolder(folder, this.#call.surroundings.clock);
      },
    };
  }
}

/** `--namespace` and `--pre` ask for a cluster as a kubeconfig does. */
function homeOf({ values, surroundings }: CheckCall, loaded: LoadedConfig): HomeChoice {
  const { kubeconfig, context, namespace, pre, pipelinesFolder } = values;
  return chooseHome({
    kubeconfig,
    context,
    folderFlag: pipelinesFolder !== undefined,
    folderInFile: 'inFile' in loaded && loaded.inFile.folder,
    kubernetesInFile: namespace !== undefined || pre === true || ('inFile' in loaded && loaded.inFile.kubernetes),
    environment: surroundings.environment,
    exists: existsSync,
  });
}

function asList(file: string | undefined): readonly string[] {
  return file === undefined ? [] : [file];
}

function readText(path: string): string {
  return readRegularFileSync(path, configurationFileBytes).toString('utf8');
}

function listFolder(path: string): readonly string[] {
  return readdirSync(path).toSorted();
}
