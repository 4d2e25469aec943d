import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { runTool } from '../test/support/run-tool.ts';
import { conditions } from './conditions.ts';
import { greedy } from './greedy.ts';
import { growth } from './growth.ts';
import { growthOnKubernetes } from './growth-kubernetes.ts';
import { history } from './history.ts';
import { ingest } from './ingest.ts';
import { intake } from './intake.ts';
import { ladder } from './ladder.ts';
import { lanes } from './lanes.ts';
import { tenants } from './tenants.ts';
import { lint } from './lint.ts';
import { page } from './page.ts';
import { renderPlot, type Plot } from './plot.ts';
import { memory } from './memory.ts';
import { reaction } from './reaction.ts';
import { replicas } from './replicas.ts';
import { rest } from './rest.ts';
import type { Section, SectionResult } from './section.ts';
import { silences } from './silences.ts';
import { start } from './start.ts';
import { storm } from './storm.ts';
import { table } from './table.ts';
import { triggers } from './triggers.ts';

/** The start comes last, since at first the disk is busy with the bundle. */
const sections: readonly Section[] = [
  reaction,
  intake,
  ingest,
  history,
  ladder,
  memory,
  growth,
  growthOnKubernetes,
  conditions,
  storm,
  lanes,
  tenants,
  replicas,
  silences,
  triggers,
  greedy,
  page,
  lint,
  start,
  rest,
];
const folder = fileURLToPath(new URL('results/', import.meta.url));

const usage = `npm run bench -- [--quick] [--plot] [section ...]

  section  ${sections.map(({ name }) => name).join(', ')}; default: all of them
  --quick  fewer and shorter rounds
  --plot   draws what was measured, too

The tables go to stdout, everything measured and the plots to bench/results/.`;

const flags = { quick: { type: 'boolean', default: false }, plot: { type: 'boolean', default: false } } as const;

async function bench({ quick, plot }: Record<keyof typeof flags, boolean>, chosen: readonly Section[]): Promise<void> {
  const args = process.argv.slice(2);
  const results: Record<string, SectionResult> = {};
  print(`${machine()}, node ${process.versions.node}\nnpm run bench${args.length > 0 ? ` -- ${args.join(' ')}` : ''}`);
  for (const section of chosen) {
    const startedAt = performance.now();
    const result = await section.run({ quick });
    results[section.name] = result;
    print(
      `\n## ${section.title}\n\n${table(result.rows)}\n\n(${((performance.now() - startedAt) / 1000).toFixed()} s)`,
    );
  }
  save({ at: new Date().toISOString(), machine: machine(), args, results });
  if (plot) Object.values(results).forEach(({ plots = [] }) => plots.forEach(draw));
}

function machine(): string {
  const [first] = cpus();
  return `${cpus().length} × ${first?.model ?? 'unknown'}`;
}

function save(results: unknown): void {
  mkdirSync(folder, { recursive: true });
  const file = `${folder}${new Date().toISOString().replaceAll(':', '-')}.json`;
  writeFileSync(file, JSON.stringify(results, undefined, 1));
  print(`\nall of it: ${file}`);
}

function draw(plot: Plot): void {
  const file = `${folder}${plot.name}.svg`;
  writeFileSync(file, renderPlot(plot));
  print(`a plot: ${file}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

process.exitCode = await runTool({ usage, flags, choices: sections, run: bench });
