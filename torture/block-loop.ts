/** Loaded before the program (`node --import`): each SIGUSR2 blocks its event loop for two seconds. */
process.on('SIGUSR2', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000));
