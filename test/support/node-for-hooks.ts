import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, type Authority } from '../../src/server/certificates.fixture.ts';
import type { KubeApiServer } from './kube-api-server.ts';
import { runTocsin } from './run-tocsin.ts';

interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface PodSpec {
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken?: boolean;
  readonly containers: readonly Container[];
  readonly volumes?: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
}

interface Job {
  readonly kind: 'Job';
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly template: { readonly metadata: object; readonly spec: PodSpec } };
}

interface Pod {
  readonly kind: 'Pod';
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly spec: PodSpec & { readonly nodeName?: string };
}

interface NodeOptions {
  readonly namespace: string;
  /** Text of an argument, such as the URL of a Service, and what stands for it on this machine. */
  readonly here?: Readonly<Record<string, string>>;
}

const nodeName = 'here';
const pollMs = 300;

/**
 * The Job controller, the scheduler and the kubelet of one namespace, as far as Helm's hooks need them: runs the containers of every Job
 * and Pod as processes of Tocsin on this machine, with the files of their ConfigMaps and the rights of their ServiceAccount, reports
 * how they ended, and gives Helm their logs.
 */
export class NodeForHooks {
  readonly #kube: KubeApiServer;
  readonly #options: NodeOptions;
  readonly #authority: Authority;
  readonly #kubelet: Server;
  readonly #logs: Map<string, string>;
  readonly #seen = new Set<string>();
  readonly #stopped = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  private constructor(
    kube: KubeApiServer,
    options: NodeOptions,
    authority: Authority,
    kubelet: Server,
    logs: Map<string, string>,
  ) {
    this.#kube = kube;
    this.#options = options;
    this.#authority = authority;
    this.#kubelet = kubelet;
    this.#logs = logs;
  }

  static async start(kube: KubeApiServer, options: NodeOptions): Promise<NodeForHooks> {
    const authority = await createAuthority();
    const { certFile, keyFile } = await authority.issue('kubelet');
    const logs = new Map<string, string>();
    const files = { cert: await readFile(certFile), key: await readFile(keyFile) };
    const kubelet = createServer(files, (request, response) => {
      // /containerLogs/NAMESPACE/POD/CONTAINER
      const [, , , pod, container] = new URL(request.url ?? '', 'https://kubelet').pathname.split('/');
      response.end(logs.get(`${pod}/${container}`) ?? '');
    });
    await once(kubelet.listen(0, '127.0.0.1'), 'listening');
    const { port } = kubelet.address() as AddressInfo;
    const status = {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    };
    await kube.kubectl(['create', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName }, status }),
    });
    const node = new NodeForHooks(kube, options, authority, kubelet, logs);
    node.#loop = node.#run();
    return node;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
    this.#kubelet.closeAllConnections();
    this.#kubelet.close();
    await this.#kube.kubectl(['delete', 'node', nodeName]);
    await this.#authority.remove();
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      // In one call: kubectl takes longer to start than to ask.
      const found = (await this.#kube.get('job,pod', this.#inNamespace)) as readonly (Job | Pod)[];
      for (const each of found) if (isJob(each)) await this.#runIfNew(each);
      for (const each of found) if (!isJob(each)) await this.#follow(each);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  async #follow(pod: Pod): Promise<void> {
    const { metadata, spec } = pod;
    if (metadata.deletionTimestamp !== undefined) return this.#remove(metadata.name);
    if (spec.nodeName !== undefined || !this.#isNew(pod)) return;
    const target = { kind: 'Node', name: nodeName };
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: metadata.name }, target };
    const path = `/api/v1/namespaces/${this.#options.namespace}/pods/${metadata.name}/binding`;
    await this.#kube.kubectl(['create', '--raw', path, '-f', '-'], { input: JSON.stringify(binding) });
    await this.#runPod(metadata.name, spec);
  }

  async #runIfNew(job: Job): Promise<void> {
    if (this.#isNew(job)) await this.#runJob(job);
  }

  #isNew({ metadata: { uid } }: Job | Pod): boolean {
    return !this.#seen.has(uid) && this.#seen.add(uid) !== undefined;
  }

  async #runJob({ metadata: { name, uid }, spec }: Job): Promise<void> {
    const { metadata, spec: podSpec } = spec.template;
    const podName = `${name}-0`;
    const labels = { ...(metadata as { labels: object }).labels, 'job-name': name };
    const owner = { apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: true };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: podName, labels, ownerReferences: [owner] } };
    await this.#collectGarbage(name);
    await this.#create({ ...pod, spec: { ...podSpec, nodeName } });
    const succeeded = await this.#runPod(podName, podSpec);
    const now = new Date().toISOString();
    const because = succeeded ? 'CompletionsReached' : 'BackoffLimitExceeded';
    const conditions = (succeeded ? ['SuccessCriteriaMet', 'Complete'] : ['FailureTarget', 'Failed']).map((type) => ({
      type,
      status: 'True',
      reason: because,
      message: succeeded ? '' : 'Job has reached the specified backoff limit',
      lastTransitionTime: now,
    }));
    const counts = succeeded ? { succeeded: 1, completionTime: now } : { failed: 1 };
    await this.#setStatus('job', name, { startTime: now, conditions, ...counts });
    if (succeeded) await this.#collectGarbage(name);
  }

  async #runPod(name: string, spec: PodSpec): Promise<boolean> {
    const folder = await mkdtemp(join(tmpdir(), 'pod-'));
    try {
      const codes: (number | null)[] = [];
      for (const container of spec.containers) codes.push(await this.#runContainer(name, spec, container, folder));
      const succeeded = codes.every((code) => code === 0);
      await this.#setStatus('pod', name, { phase: succeeded ? 'Succeeded' : 'Failed' });
      return succeeded;
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  async #runContainer(pod: string, spec: PodSpec, container: Container, folder: string): Promise<number | null> {
    const places: Record<string, string> = { ...this.#options.here };
    for (const { name, mountPath } of container.volumeMounts ?? []) {
      const volume = spec.volumes?.find((each) => each.name === name);
      places[mountPath] = join(folder, name);
      if (volume?.configMap !== undefined) await this.#write(join(folder, name), volume.configMap.name);
    }
    const args = container.args.map((arg) => replaced(arg, places));
    if (spec.automountServiceAccountToken === true) args.push(`--kubeconfig=${await this.#kubeconfigOf(spec)}`);
    const { code, stdout, stderr } = await runTocsin(args, [], 90_000);
    this.#logs.set(`${pod}/${container.name}`, replaced(stdout + stderr, inverted(places)));
    return code;
  }

  async #write(folder: string, configMap: string): Promise<void> {
    const { data } = (await this.#kube.get('configmap', configMap, this.#inNamespace)) as {
      data: Record<string, string>;
    };
    await mkdir(folder, { recursive: true });
    for (const [name, text] of Object.entries(data)) await writeFile(join(folder, name), text);
  }

  async #kubeconfigOf({ serviceAccountName }: PodSpec): Promise<string> {
    return this.#kube.kubeconfigFor(await this.#kube.createToken(serviceAccountName, this.#options.namespace));
  }

  get #inNamespace(): string {
    return `--namespace=${this.#options.namespace}`;
  }

  async #create(object: object): Promise<void> {
    await this.#kube.kubectl(['create', this.#inNamespace, '-f', '-'], { input: JSON.stringify(object) });
  }

  /** The pods of a Job, or of an earlier one of its name. */
  async #collectGarbage(job: string): Promise<void> {
    const pods = ['delete', 'pod', `--selector=job-name=${job}`, this.#inNamespace];
    await this.#kube.kubectl([...pods, '--grace-period=0', '--force']);
  }

  async #remove(pod: string): Promise<void> {
    await this.#kube.kubectl([
      'delete',
      'pod',
      pod,
      this.#inNamespace,
      '--grace-period=0',
      '--force',
      '--ignore-not-found',
    ]);
  }

  async #setStatus(kind: string, name: string, status: object): Promise<void> {
    const patch = JSON.stringify({ status });
    await this.#kube.kubectl([
      'patch',
      kind,
      name,
      this.#inNamespace,
      '--subresource=status',
      '--type=merge',
      `--patch=${patch}`,
    ]);
  }
}

function isJob(object: Job | Pod): object is Job {
  return object.kind === 'Job';
}

function replaced(text: string, places: Readonly<Record<string, string>>): string {
  return Object.entries(places).reduce((changed, [there, here]) => changed.replaceAll(there, here), text);
}

function inverted(places: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(places).map(([there, here]) => [here, there]));
}
