import { readFile } from 'node:fs/promises';

/** The lines of the `sh` blocks in a section of README.md, in their order: what a reader would type. */
export async function readmeCommands(section: string): Promise<readonly string[]> {
  return (await blocks(section, 'sh')).flatMap((block) => block.trim().split('\n'));
}

/** The first block of a language in a section of README.md. */
export async function readmeBlock(section: string, language: string): Promise<string> {
  const [block] = await blocks(section, language);
  if (block === undefined) throw new Error(`README.md has no ${language} block in the section ${section}`);
  return block;
}

async function blocks(section: string, language: string): Promise<readonly string[]> {
  const text = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, after = ''] = text.split(`\n## ${section}\n`);
  const [body = ''] = after.split('\n## ');
  return [...body.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, block = '']) => block);
}
