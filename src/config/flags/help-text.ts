import { flagTable } from './flag-table.ts';
import type { Flag } from './flag-table.ts';

const commands = [
  ['tocsin [FLAG]...', 'serve until SIGTERM or SIGINT'],
  ['tocsin check-config FILE', 'check a configuration file; exit code 0 if it is good, 1 if not'],
  ['tocsin check-web-config FILE', 'the same for a file of --web.config.file'],
] as const;

/** The text of `--help`, at most 100 columns wide, with a line feed at its end. */
export function helpText(): string {
  const flags: readonly Flag[] = Object.values(flagTable);
  const lines = [
    'Tocsin takes Prometheus alerts in and gives Kubernetes reconciles out.',
    '',
    'Commands:',
    ...align(commands),
    '',
    'Flags (also as "--flag VALUE"):',
    ...align(flags.flatMap(flagRows)),
    '',
    'Every key of the configuration file, with its default and unit: docs/configuration.md.',
  ];
  return `${lines.join('\n')}\n`;
}

/** One row for what the flag does, one for its unit and default. */
function flagRows(flag: Flag): (readonly [string, string])[] {
  const usage = flag.placeholder === undefined ? `--${flag.name}` : `--${flag.name}=${flag.placeholder}`;
  const short = flag.short === undefined ? '' : `-${flag.short}, `;
  const first = [`${short}${usage}`, flag.help] as const;
  return flag.unit === undefined ? [first] : [first, ['', `${flag.unit}; default: ${flag.default ?? flag.otherwise}`]];
}

function align(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
