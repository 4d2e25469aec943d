import { resolve } from 'node:path';
import type { AdmissionOptions } from '../app/admission-server.ts';
import type { AdmissionFlags, Flags } from '../config/flags/flags.ts';
import type { ReadFile } from '../config/settings/settings-file.ts';
import type { WebConfigSource } from '../server/web/live-web-config.ts';
import type { LoadedWebConfig, loadWebConfig } from '../server/web/load-web-config.ts';

/** What the flags say about who may come in, and where the API server asks. */
interface Doors {
  readonly webConfig?: WebConfigSource;
  readonly admission?: AdmissionOptions;
  /** Every problem with the files, a line each. */
  readonly problems: readonly string[];
}

export async function loadDoors(
  { webConfigFile, admission }: Pick<Flags, 'webConfigFile' | 'admission'>,
  readFile: ReadFile,
): Promise<Doors> {
  if (webConfigFile === undefined && admission === undefined) return { problems: [] };
  const load = await webConfigLoader();
  const web = webConfigFile === undefined ? undefined : load(webConfigFile, readFile);
  const door = admission && loadAdmission(admission, load, readFile);
  return {
    problems: [web, door].flatMap((each) => (each !== undefined && 'problems' in each ? each.problems : [])),
    ...(web !== undefined &&
      'settings' in web && {
        webConfig: { file: webConfigFile!, settings: web.settings, read: web.read, readFile, load },
      }),
    ...(door !== undefined && 'admission' in door && door),
  };
}

/** Loaded only when it is needed: it brings TLS and a schema of its own. */
export async function webConfigLoader(): Promise<typeof loadWebConfig> {
  return (await import('../server/web/load-web-config.ts')).loadWebConfig;
}

/** Stands for a web configuration that has only these two files. */
const name = '--web.admission-cert-file, --web.admission-key-file';

/** Reads the certificate for admission and its key, as the web configuration reads its own: with the same checks, at one moment. */
function loadAdmission(
  { listenAddress, certFile, keyFile }: AdmissionFlags,
  load: typeof loadWebConfig,
  readFile: ReadFile,
): { readonly admission: AdmissionOptions } | { readonly problems: readonly string[] } {
  const files = { cert_file: resolve(certFile), key_file: resolve(keyFile) };
  const text = JSON.stringify({ tls_server_config: files });
  const reader: ReadFile = (path) => (path === name ? text : readFile(path));
  const loadFiles: typeof loadWebConfig = (file, read, rules) => withFlags(load(file, read, rules), files);
  const loaded = loadFiles(name, reader);
  if ('problems' in loaded) return loaded;
  const { settings, read } = loaded;
  return {
    admission: { listenAddress, certificate: { file: name, settings, read, readFile: reader, load: loadFiles } },
  };
}

/** Each problem with the flag that it is about, instead of a place in a file that there is not. */
function withFlags(
  loaded: LoadedWebConfig,
  { cert_file: cert, key_file: key }: { readonly cert_file: string; readonly key_file: string },
): LoadedWebConfig {
  if (!('problems' in loaded)) return loaded;
  const problems = loaded.problems.map((problem) =>
    problem.replace(/^.*?:\d+:\d+: tls_server_config(?:\.(cert|key)_file)?: /, (_, which: string | undefined) => {
      if (which === undefined) return `${name}: `;
      return `--web.admission-${which}-file: ${which === 'cert' ? cert : key}: `;
    }),
  );
  return { ...loaded, problems };
}
