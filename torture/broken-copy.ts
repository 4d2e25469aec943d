import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const linked = ['node_modules', 'examples', 'README.md', 'docs', 'k8s'];

/** A copy of the program that can be broken in places. */
export class BrokenCopy {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<BrokenCopy> {
    const folder = await mkdtemp(join(tmpdir(), 'tocsin-copy-'));
    for (const name of ['src', 'test', 'package.json', 'tsconfig.json'])
      await cp(join(root, name), join(folder, name), { recursive: true });
    for (const name of linked) await symlink(join(root, name), join(folder, name));
    return new BrokenCopy(folder);
  }

  get main(): string {
    return join(this.folder, 'src/main.ts');
  }

  read(file: string): Promise<string> {
    return readFile(join(root, 'src', file), 'utf8');
  }

  write(file: string, text: string): Promise<void> {
    return writeFile(join(this.folder, 'src', file), text);
  }

  /** Replaces a text that the file contains exactly once; returns the function that undoes it. */
  async break({
    file,
    from,
    to,
  }: {
    readonly file: string;
    readonly from: string;
    readonly to: string;
  }): Promise<() => Promise<void>> {
    // What is broken already stays broken.
    const text = await readFile(join(this.folder, 'src', file), 'utf8');
    if (text.split(from).length !== 2) throw new Error(`${file} has to hold exactly once: ${from}`);
    await this.write(
      file,
      text.replace(from, () => to),
    );
    return () => this.write(file, text);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}
