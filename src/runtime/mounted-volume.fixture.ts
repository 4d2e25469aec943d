import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Files = Readonly<Record<string, string>>;

/**
 * A mounted ConfigMap or Secret, written as AtomicWriter of the kubelet does: the files are in a folder of their own, `..data` is a link
 * to that, each file is a link through it, and one rename of `..data` changes all of them.
 */
export class MountedVolume {
  readonly folder: string;
  #writes = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @param folder default: a temporary one */
  static async create(files: Files, folder?: string): Promise<MountedVolume> {
    const volume = new MountedVolume(folder ?? (await mkdtemp(join(tmpdir(), 'volume-'))));
    await volume.write(files);
    return volume;
  }

  path(file: string): string {
    return join(this.folder, file);
  }

  /** Replaces all files at once. */
  async write(files: Files): Promise<void> {
    const name = `..2026_11_30_${(this.#writes += 1)}`;
    const before = await readdir(this.folder);
    await mkdir(this.path(name));
    for (const [file, text] of Object.entries(files)) await writeFile(join(this.folder, name, file), text);
    await symlink(name, this.path('..data_tmp'));
    await rename(this.path('..data_tmp'), this.path('..data'));
    for (const file of Object.keys(files))
      if (!before.includes(file)) await symlink(join('..data', file), this.path(file));
    for (const old of before.filter((each) => each.startsWith('..2026'))) await rm(this.path(old), { recursive: true });
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}
