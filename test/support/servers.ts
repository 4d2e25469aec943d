import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The programs that `test/servers/get` knows. */
export type ServerName =
  | 'prometheus'
  | 'promtool'
  | 'prometheus-2.42'
  | 'promtool-2.42'
  | 'alertmanager'
  | 'amtool'
  | 'alertmanager-0.25'
  | 'amtool-0.25'
  | 'etcd'
  | 'kube-apiserver'
  | 'kubectl'
  | 'helm'
  | 'helm-3'
  | 'chromium';

type Environment = Readonly<Record<string, string | undefined>>;

/** What was found by this process: to look takes a shell each time, and the thread waits for it. */
const found = new Map<ServerName, string>();

const get = fileURLToPath(new URL('../servers/get', import.meta.url));

/**
 * The path of a real program; undefined if it has not been built on this machine. Never builds it.
 * With CI=true a missing program is an error, since a skipped test would pass unnoticed there.
 */
export function findServer(name: ServerName, environment: Environment = process.env): string | undefined {
  const known = environment === process.env ? found.get(name) : undefined;
  return known ?? lookFor(name, environment);
}

function lookFor(name: ServerName, environment: Environment): string | undefined {
  const { status, stdout, stderr, error } = spawnSync(get, ['--path', name], { encoding: 'utf8', env: environment });
  if (status === 0) {
    if (environment === process.env) found.set(name, stdout.trim());
    return stdout.trim();
  }
  if (!isContinuousIntegration(environment)) return undefined;
  throw new Error(`${howToGet(name)} (CI=true: it must be there). ${error?.message ?? stderr.trim()}`);
}

/** Like {@link findServer}, for tests that cannot go on without the program. */
export function requireServer(name: ServerName): string {
  const path = findServer(name);
  if (path === undefined) throw new Error(`${howToGet(name)}; skip the test with skipWithout('${name}')`);
  return path;
}

/**
 * The value for node:test's `skip` option: false if the program is there, otherwise the reason, with the remedy.
 * With CI=true always false: the test runs, and fails where it looks for the program.
 */
export function skipWithout(name: ServerName, environment: Environment = process.env): string | false {
  if (isContinuousIntegration(environment)) return false;
  return findServer(name, environment) === undefined ? howToGet(name) : false;
}

function isContinuousIntegration(environment: Environment): boolean {
  return environment['CI'] === 'true';
}

function howToGet(name: ServerName): string {
  return `${name} is not built here: npm run servers`;
}
