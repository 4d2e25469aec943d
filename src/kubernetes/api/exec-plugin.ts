import type { RequestOptions } from 'node:https';
import { isAbsolute, join } from 'node:path';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { User } from '@kubernetes/client-node';
import * as z from 'zod';
import { readBoundedBody, excerpt } from '../../text/bounded-body.ts';
import type { Clock } from '../../runtime/clock.ts';
import { startDeadline } from '../../runtime/deadline.ts';

const Text = z.string().nullish();

/** The useful part of an ExecCredential, as client-go reads it. */
const ExecCredential = z.object({
  status: z.object({
    token: Text,
    clientCertificateData: Text,
    clientKeyData: Text,
    expirationTimestamp: Text,
  }),
});

type Credential = z.infer<typeof ExecCredential>['status'];

/** The name of the provider of a user with `exec`. */
export const execProvider = 'exec-plugin';

/**
 * Turns a user that has `exec` into a user of {@link ExecPlugin}. The library's own implementation would wait for ever for a plugin
 * that hangs, and quote text that it cannot read.
 * @param folder the folder of the kubeconfig
 */
export function withExecPlugin(user: User, folder: string): User {
  const { exec, ...rest } = user;
  if (!exec) return user;
  const plugin = besideKubeconfig(exec as PluginCommand, folder);
  return { ...rest, authProvider: { name: execProvider, config: { plugin } } };
}

/** As in client-go: a bare name is looked up in PATH, and a relative path starts at the kubeconfig, not at the working folder. */
function besideKubeconfig(plugin: PluginCommand, folder: string): PluginCommand {
  const { command } = plugin;
  if (typeof command !== 'string' || !command.includes('/') || isAbsolute(command)) return plugin;
  return { ...plugin, command: join(folder, command) };
}

/** A plugin's credentials, for the library. The plugin runs when there are no credentials or when they have expired. */
export class ExecPlugin {
  readonly #options: RunPluginOptions;
  #credential: Credential | undefined;

  constructor(options: RunPluginOptions) {
    this.#options = options;
  }

  isAuthProvider({ authProvider }: User): boolean {
    return (authProvider as { readonly name?: string } | undefined)?.name === execProvider;
  }

  /** Rejects with an error that names the plugin. */
  async applyAuthentication({ authProvider }: User, options: RequestOptions): Promise<void> {
    const { plugin } = (authProvider as { readonly config: { readonly plugin: PluginCommand } }).config;
    if (this.#hasExpired()) this.#credential = credentialOf(plugin, await runPlugin(plugin, this.#options));
    const { token, clientCertificateData: cert, clientKeyData: key } = this.#credential ?? {};
    Object.assign(options, cert && { cert }, key && { key });
    if (token) Object.assign((options.headers ??= {}), { Authorization: `Bearer ${token}` });
  }

  #hasExpired(): boolean {
    if (this.#credential === undefined) return true;
    const { expirationTimestamp } = this.#credential;
    return expirationTimestamp ? Date.parse(expirationTimestamp) <= this.#options.clock.now() : false;
  }
}

function credentialOf(plugin: PluginCommand, output: string): Credential {
  const { status } = ExecCredential.safeParse(json(output)).data ?? {};
  if (status?.token || status?.clientCertificateData) return status;
  const wanted = 'an ExecCredential, which is JSON with status.token or status.clientCertificateData';
  throw new Error(`${nameOf(plugin)} printed something else than ${wanted}; run it by hand`);
}

/** Undefined if the text is not JSON. */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A program that prints credentials: `users[].user.exec` of a kubeconfig. */
export interface PluginCommand {
  readonly apiVersion?: string;
  readonly command?: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
}

export interface RunPluginOptions {
  readonly clock: Clock;
  /** Ends the plugin early. */
  readonly signal: AbortSignal;
}

/** Shorter than the deadline of any call that waits for the plugin, so that the call says what is wrong. */
const timeoutMs = 25_000;
const maxOutputBytes = 1024 * 1024;

/**
 * The output of a plugin. A plugin that takes longer than 25 s is ended, together with everything that it has started.
 * Rejects with an error that names the plugin and quotes none of its output, which may be a token.
 */
export async function runPlugin(plugin: PluginCommand, { clock, signal }: RunPluginOptions): Promise<string> {
  signal.throwIfAborted();
  const deadline = startDeadline(clock, timeoutMs, signal);
  try {
    return await outputOf(plugin, deadline.signal);
  } catch (error) {
    const late = `gave nothing within ${timeoutMs / 1000} s, and was ended`;
    throw new Error(`${nameOf(plugin)} ${deadline.expired() ? late : whyNot(error)}`, { cause: error });
  } finally {
    deadline.end();
  }
}

/** Arguments may hold secrets. */
export function nameOf({ command }: PluginCommand): string {
  return `the exec plugin "${excerpt(command ?? '')}" of the kubeconfig`;
}

async function outputOf({ command = '', args, env, apiVersion }: PluginCommand, signal: AbortSignal): Promise<string> {
  const own = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]));
  const info = JSON.stringify({ kind: 'ExecCredential', apiVersion, spec: { interactive: false } });
  const child = spawn(command, [...(args ?? [])], {
    env: { ...process.env, KUBERNETES_EXEC_INFO: info, ...own },
    stdio: ['ignore', 'pipe', 'pipe'],
    // In its own process group, so that a plugin that is a script is ended together with the programs it runs.
    detached: true,
  });
  const onAbort = (): void => killGroup(child);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const closed = once(child, 'close', { signal }) as Promise<[number | null, NodeJS.Signals | null]>;
    const [output, complaint, [code, endedBy]] = await Promise.all([read(child.stdout), read(child.stderr), closed]);
    if (code !== 0) throw new PluginFailure(code ?? endedBy, complaint);
    return output;
  } finally {
    // From now on, another process may have this process id.
    signal.removeEventListener('abort', onAbort);
  }
}

/** A stream that cannot be read shows in how the plugin ends. */
async function read(stream: Readable): Promise<string> {
  return (await readBoundedBody(stream, maxOutputBytes).catch(() => ({ text: '' }))).text;
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // The plugin has just ended by itself.
  }
}

class PluginFailure extends Error {
  constructor(end: number | string | null, complaint: string) {
    super(`ended with ${end}: ${excerpt(complaint) || 'nothing on its standard error says why; run it by hand'}`);
  }
}

/** Node's own messages may quote an argument. */
function whyNot(error: unknown): string {
  if (error instanceof PluginFailure) return error.message;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT')
    return 'is no program that can be found, or its first line names none; install it, or correct its path';
  if (code === 'ABORT_ERR') return 'was ended: no credentials are needed any more';
  return `cannot be run (${code ?? 'no reason given'}); correct it, or its permissions`;
}
