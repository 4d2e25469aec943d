import type { RequestOptions } from 'node:https';
import { isAbsolute, join } from 'node:path';
import type { User } from '@kubernetes/client-node';
import { z } from 'zod';
import { nameOf, runPlugin, type PluginCommand, type RunPluginOptions } from './run-plugin.ts';

const Text = z.string().nullish();

/** The part of an ExecCredential that is of use, as client-go reads it. */
const ExecCredential = z.object({
  status: z.object({
    token: Text,
    clientCertificateData: Text,
    clientKeyData: Text,
    expirationTimestamp: Text,
  }),
});

type Credential = z.infer<typeof ExecCredential>['status'];

const providerName = 'exec-plugin';

/**
 * Makes a user of {@link ExecPlugin} of one that has `exec`. The library's own way would wait for ever for a plugin that hangs,
 * and quote what it cannot read.
 * @param folder of the kubeconfig
 */
export function withExecPlugin(user: User, folder: string): User {
  const { exec, ...rest } = user;
  if (!exec) return user;
  const plugin = besideKubeconfig(exec as PluginCommand, folder);
  return { ...rest, authProvider: { name: providerName, config: { plugin } } };
}

/** As client-go: a bare name is looked up in PATH, a relative path begins at the kubeconfig and not where we happen to run. */
function besideKubeconfig(plugin: PluginCommand, folder: string): PluginCommand {
  const { command } = plugin;
  if (typeof command !== 'string' || !command.includes('/') || isAbsolute(command)) return plugin;
  return { ...plugin, command: join(folder, command) };
}

/** Credentials of a plugin, for the library: asked when there are none, or those that it gave have expired. */
export class ExecPlugin {
  readonly #options: RunPluginOptions;
  #credential: Credential | undefined;

  constructor(options: RunPluginOptions) {
    this.#options = options;
  }

  isAuthProvider({ authProvider }: User): boolean {
    return (authProvider as { readonly name?: string } | undefined)?.name === providerName;
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

/** Undefined if it is none. */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
