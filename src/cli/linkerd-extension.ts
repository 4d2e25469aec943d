import { ask } from './ask.ts';
import { exitDone, exitUsage, type Surroundings } from './command.ts';

/** `linkerd check` runs every program of this kind of name that it finds in PATH, and that describes itself with the same name. */
export const linkerdName = 'linkerd-tocsin';

/** What `linkerd check` asks first: `always` says that it checks every cluster, installed as an extension there or not. */
const metadata = { name: linkerdName, checks: 'always' } as const;

/** Flags that `linkerd check` hands on to every extension, about Linkerd itself and its proxies. */
const foreign = new Set([
  'api-addr',
  'cli-version-override',
  'cni-namespace',
  'crds',
  'linkerd-cni-enabled',
  'linkerd-namespace',
  // The namespace of the proxies to check, not that of an extension.
  'namespace',
  'proxy',
]);
const shortNames: Readonly<Record<string, string>> = { n: 'namespace', L: 'linkerd-namespace', l: 'linkerd-namespace' };

/** Runs this program under its other name, as an extension of `linkerd check`. Resolves to the exit code. */
export async function runLinkerdExtension(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const [command, ...rest] = args;
  const { stdout, stderr } = surroundings;
  if (command === '_extension-metadata') {
    stdout.write(`${JSON.stringify(metadata)}\n`);
    return exitDone;
  }
  if (command === 'check') return ask('check', ownArguments(rest), surroundings);
  const uses = `_extension-metadata, check [FLAG]...`;
  stderr.write(`tocsin: ${linkerdName}: found ${JSON.stringify(command ?? '')}, allowed: ${uses}\n`);
  return exitUsage;
}

/**
 * Linkerd's arguments as those of `tocsin check`. Linkerd writes `--flag=VALUE`, and hands on flags that nobody gave: an empty text, an
 * empty list `[]`, and `false`. An extension belongs to a cluster, so the namespace of Tocsin is given.
 */
export function ownArguments(args: readonly string[]): readonly string[] {
  const own: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const { name, value, isFlag } = split(args[index]!);
    if (!isFlag) own.push(args[index]!);
    else if (foreign.has(name)) {
      // The value may also be the next word; --proxy has none.
      if (value === undefined && name !== 'proxy' && args[index + 1]?.startsWith('-') === false) index++;
    } else if (value === undefined) own.push(args[index]!);
    else if (value === 'true') own.push(`--${name}`);
    else if (value !== '' && value !== 'false' && value !== '[]') own.push(`--${name}=${value}`);
  }
  return ['--namespace=tocsin', ...own];
}

function split(arg: string): { readonly name: string; readonly value: string | undefined; readonly isFlag: boolean } {
  const [, short, long = '', value] = /^(?:-(\w)|--([\w-][\w.-]*))(?:=(.*))?$/s.exec(arg) ?? [];
  return {
    name: short === undefined ? long : (shortNames[short] ?? short),
    value,
    isFlag: short !== undefined || long !== '',
  };
}
