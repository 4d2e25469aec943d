import { noBinding, principalsOf, type Binding, type Principal, type TenantBindings } from './tenant-bindings.ts';
import type { WebConfig } from './web-config.ts';

interface BindingFiles {
  readonly config: WebConfig;
  /** Records a problem with the value at this path. */
  readonly refuse: (path: readonly string[], text: string) => void;
  /** The digests of the tokens in these files. @param key at which they are named */
  readonly tokensIn: (names: readonly string[], key: readonly string[]) => readonly Buffer[];
}

interface ReadBindings {
  readonly bindings: TenantBindings | undefined;
  /** The digests of their tokens, which let in. */
  readonly tokens: readonly Buffer[];
}

/** Whoever is bound has to be able to prove it. */
export function readBindings(files: BindingFiles): ReadBindings {
  const { config } = files;
  if (config.tenants.size === 0 && config.admins === null) return { bindings: undefined, tokens: [] };
  const tokens: Buffer[] = [];
  const bound = (binding: Binding, path: readonly string[]): ReadonlySet<Principal> => {
    checkBinding(files, binding, path);
    const digests = files.tokensIn(binding.credentials_files, [...path, 'credentials_files']);
    tokens.push(...digests);
    return principalsOf(
      binding,
      digests.map((digest) => digest.toString('hex')),
    );
  };
  const tenants = [...config.tenants].map(([name, binding]) => [name, bound(binding, ['tenants', name])] as const);
  return { bindings: { admins: bound(config.admins ?? noBinding, ['admins']), tenants: new Map(tenants) }, tokens };
}

function checkBinding({ config, refuse }: BindingFiles, binding: Binding, path: readonly string[]): void {
  const { client_auth_type: type } = config.tls_server_config;
  const stranger = binding.users.findIndex((user) => !config.basic_auth_users.has(user));
  if (stranger !== -1) refuse([...path, 'users', String(stranger)], 'is none of basic_auth_users');
  if (binding.sans.length > 0 && type !== 'RequireAndVerifyClientCert' && type !== 'VerifyClientCertIfGiven')
    refuse([...path, 'sans'], 'needs client_auth_type VerifyClientCertIfGiven or RequireAndVerifyClientCert');
  if (binding.service_accounts.length > 0 && !config.kubernetes.enabled)
    refuse([...path, 'service_accounts'], 'needs kubernetes.enabled: true, since Kubernetes tells who sends a token');
}
