import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

/** The forms in which a file may be sent, the shortest first. */
export const encodings = ['br', 'gzip', 'identity'] as const;
export type Encoding = (typeof encodings)[number];

/** A file of the incident page. */
export interface PageFile {
  readonly contentType: string;
  /** A hash of the contents. */
  readonly digest: string;
  readonly forms: Readonly<Partial<Record<Encoding, Buffer>>> & { readonly identity: Buffer };
}

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const suffixes = { br: '.br', gzip: '.gz' } as const;

/** The files that `npm run page` has made, by their path below the page. They stay in memory from the first request on. */
export class PageFiles {
  readonly #folder: string;
  #files: Promise<ReadonlyMap<string, PageFile>> | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Rejects with the system's error if the page is not there, and looks again with the next call. */
  async find(path: string): Promise<PageFile | undefined> {
    this.#files ??= readPage(this.#folder);
    try {
      return (await this.#files).get(path);
    } catch (error) {
      this.#files = undefined;
      throw error;
    }
  }
}

async function readPage(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const assets = await readdir(join(folder, 'assets'));
  const paths = ['index.html', ...assets.map((name) => `assets/${name}`)].filter(
    (path) => extname(path) in contentTypes,
  );
  return new Map(await Promise.all(paths.map(async (path) => [path, await readForms(folder, path)] as const)));
}

async function readForms(folder: string, path: string): Promise<PageFile> {
  const [identity, br, gzip] = await Promise.all(
    ['', suffixes.br, suffixes.gzip].map((suffix) => readFile(join(folder, `${path}${suffix}`))),
  );
  const digest = createHash('sha256').update(identity!).digest('hex').slice(0, 16);
  return {
    contentType: contentTypes[extname(path)]!,
    digest,
    forms: { identity: identity!, br: br!, gzip: gzip! },
  };
}
