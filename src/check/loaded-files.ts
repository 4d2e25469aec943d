import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describeReadError } from '../config/settings/settings-file.ts';
import { showText } from '../config/settings/show-value.ts';
import { configurationFileBytes, readRegularFile } from '../runtime/regular-file.ts';

/** As the running Tocsin takes it: of the text, so that a damaged character makes no difference. */
export function sha256Of(text: string | Buffer): string {
  return createHash('sha256').update(text.toString('utf8')).digest('hex');
}

/**
 * Which file a path means here, in a line: a path in a container is another file than on the host, and a link may lead elsewhere. Or why
 * it cannot be read.
 * @param mayHash false for a file that may be a password, which could be guessed from its hash
 */
export async function lookAt(
  file: string,
  mayHash: boolean,
): Promise<{ readonly told: string } | { readonly problem: string }> {
  const path = resolve(file);
  try {
    const bytes = await readRegularFile(path, configurationFileBytes);
    const [{ mtime }, target, mounts] = await Promise.all([stat(path), realpath(path), mountinfo()]);
    const parts = [
      showText(path),
      ...(target === path ? [] : [`which is ${showText(target)}`]),
      ...(mayHash ? [`SHA-256 ${sha256Of(bytes)}`] : []),
      `modified ${mtime.toISOString()}`,
      ...mountOf(mounts, target),
    ];
    return { told: parts.join(', ') };
  } catch (error) {
    return { problem: `${showText(path)}: ${describeReadError(error)}` };
  }
}

/** Empty on systems other than Linux. */
async function mountinfo(): Promise<string> {
  return readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
}

/**
 * The mount that holds a path, in words; empty if it is the root file system, or if it is unknown. A line has the device's folder, the
 * mount point, options, and behind a dash the type and the source: `36 35 98:0 /volumes/a /etc/tocsin ro - ext4 /dev/sda1 rw`.
 */
export function mountOf(mounts: string, path: string): readonly string[] {
  let best: { readonly point: string; readonly told: string } | undefined;
  for (const line of mounts.split('\n')) {
    const [, folder, mounted, type, source] = /^\d+ \d+ \S+ (\S+) (\S+) .*? - (\S+) (\S+)/.exec(line) ?? [];
    if (folder === undefined || mounted === undefined) continue;
    const point = unescaped(mounted);
    const holds = path === point || path.startsWith(point === '/' ? point : `${point}/`);
    // A later line is a mount over an earlier one.
    if (!holds || point.length < (best?.point.length ?? 0)) continue;
    best = { point, told: showText(`mounted at ${point} from ${type} ${source} ${unescaped(folder)}`) };
  }
  return best === undefined || best.point === '/' ? [] : [best.told];
}

/** A blank in a path is `\040`. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
