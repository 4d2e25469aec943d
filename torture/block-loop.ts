/** Loaded before the program (`node --import`): at each SIGUSR2 its event loop is held for two seconds. */
process.on('SIGUSR2', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000));
