// Loaded before anything that has types in it (`node --require`), by a Node that may be too old to read those: so it is plain
// JavaScript. npm scripts find the Node that `npm ci` brings, unless install scripts are off on this machine.
'use strict';

const { engines } = require('../../package.json');

const [wantedMajor, wantedMinor] = engines.node.replace('>=', '').split('.').map(Number);
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < wantedMajor || (major === wantedMajor && minor < wantedMinor)) {
  process.stderr.write(
    `tocsin: needs Node ${wantedMajor}.${wantedMinor} or newer, found ${process.version}. \`npm ci\` brings one, unless install scripts are off ` +
      '(ignore-scripts): then run `npm rebuild node --ignore-scripts=false`, or put a newer Node first in PATH\n',
  );
  process.exit(1);
}
