import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** Longer than the program waits before it writes its compiled code, milliseconds. */
const runMs = 6000;

// Starts the bundle as the image does, and ends it when its compiled code is written: the image is read-only later.
process.argv.push('--web.listen-address=127.0.0.1:0', `--storage.path=${join(tmpdir(), 'tocsin-compile')}`);
void setTimeout(runMs, undefined, { ref: false }).then(() => process.kill(process.pid, 'SIGTERM'));
const bundle: string = './main.js';
await import(bundle);
