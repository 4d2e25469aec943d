import { readFile } from 'node:fs/promises';

/** The lines of the `sh` blocks in a section of README.md, in their order: what a reader would type. */
export async function readmeCommands(section: string): Promise<readonly string[]> {
  const text = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, after = ''] = text.split(`\n## ${section}\n`);
  const [body = ''] = after.split('\n## ');
  return [...body.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block = '']) => block.trim().split('\n'));
}
