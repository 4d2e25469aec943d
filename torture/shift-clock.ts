import { existsSync, readFileSync } from 'node:fs';

/**
 * Loaded before the program (`node --import`): at its start, if the file TORTURE_CLOCK is there, and at each SIGUSR2 its wall clock
 * jumps by the milliseconds in that file.
 * Timers run on the monotonic clock and do not jump, as on a machine whose clock is set.
 */
const file = process.env['TORTURE_CLOCK'];
const systemNow = Date.now.bind(Date);
const SystemDate = Date;
let offsetMs = file !== undefined && existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;

Date.now = () => systemNow() + offsetMs;
globalThis.Date = new Proxy(SystemDate, {
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [Date.now()] : args, newTarget) as object,
});
if (file !== undefined) process.on('SIGUSR2', () => (offsetMs = Number(readFileSync(file, 'utf8'))));
