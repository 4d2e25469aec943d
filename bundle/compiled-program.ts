import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire, getCompileCacheDir } from 'node:module';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { constants, Script } from 'node:vm';
import { crc32 } from 'node:zlib';

type Program = typeof import('../src/cli/run-command.ts');
type Module = { exports: unknown };
type Body = (exports: unknown, require: NodeJS.Require, module: Module, importMetaUrl: string) => void;

function load(url: URL): Program {
  const filename = fileURLToPath(url);
  const bytes = readFileSync(filename);
  const cache = getCompileCacheDir();
  const code = cache === undefined ? undefined : new CompiledCode(join(cache, 'tocsin.bin'), crc32(bytes));
  const script = new Script(bytes.toString('latin1'), {
    filename,
    cachedData: code?.read(),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const module: Module = { exports: {} };
  (script.runInThisContext() as Body)(module.exports, createRequire(url), module, url.href);
  // Undefined: there was nothing to reject.
  if (script.cachedDataRejected !== false) code?.writeLater(script);
  return module.exports as Program;
}

/** By then a start is over, and V8 has freed nothing of its code yet, milliseconds. A short command writes nothing. */
const writeAfterMs = 3000;

/** The file of compiled code. V8 trusts it blindly, so two checksums precede it: of the program, and of the code itself. */
class CompiledCode {
  readonly #path: string;
  readonly #program: number;

  constructor(path: string, program: number) {
    this.#path = path;
    this.#program = program;
  }

  read(): Buffer | undefined {
    try {
      const file = readFileSync(this.#path);
      const code = file.subarray(8);
      const isGood = file.readUInt32LE(0) === this.#program && file.readUInt32LE(4) === crc32(code);
      return isGood ? code : undefined;
    } catch {
      return undefined;
    }
  }

  writeLater(script: Script): void {
    void setTimeout(writeAfterMs, undefined, { ref: false }).then(() => this.#write(script.createCachedData()));
  }

  /** Another process may write or read at the same time. A folder that cannot be written, as in the image, only makes starts slower. */
  #write(code: Buffer): void {
    const head = Buffer.alloc(8);
    head.writeUInt32LE(this.#program, 0);
    head.writeUInt32LE(crc32(code), 4);
    const unfinished = `${this.#path}.${process.pid}`;
    try {
      writeFileSync(unfinished, Buffer.concat([head, code]), { mode: 0o600 });
      renameSync(unfinished, this.#path);
    } catch {
      return;
    }
  }
}

/**
 * In the bundle, `src/main.ts` gets this instead of `src/cli/run-command.ts`: the same export, from a script with the compiled code of
 * an earlier start. Node's own cache has the functions that V8 compiles before a module runs; this one also has those that ran during
 * the start, which saves a fifth of its time.
 */
export const { runCommand } = load(new URL('tocsin.cjs', import.meta.url));
