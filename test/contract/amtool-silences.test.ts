import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { startAlertmanager } from '../support/alertmanager-server.ts';
import { requireServer, skipWithout } from '../support/servers.ts';
import { startTocsinApp } from './tocsin-app.ts';

interface Command {
  /** `$1` stands for the first id that the server returned, and so on. */
  readonly args: string;
  readonly stdin?: string;
  /** amtool reads the number of its failures while it still counts them, so its exit status and last line are random. */
  readonly countsByChance?: boolean;
}

const times = '--start=2990-01-01T00:00:00Z --end=2999-01-01T00:00:00Z';
const imported = JSON.stringify([
  {
    matchers: [{ name: 'imported', value: '1', isRegex: false, isEqual: true }],
    startsAt: '2990-01-01T00:00:00Z',
    endsAt: '2999-01-01T00:00:00Z',
    createdBy: 'me',
    comment: 'imported',
  },
]);

const commands: readonly Command[] = [
  { args: 'silence query' },
  { args: `silence add job=node --author=me --comment=window ${times}` },
  { args: `silence add NodeDown instance=~a.* --author=me --comment=window --duration=2h` },
  { args: 'silence add --author=me --comment=none' },
  { args: `silence add job=node --author=me --require-comment ${times}` },
  { args: `silence add job=.* --author=me --comment=c ${times}` },
  { args: `silence add job=~.* --author=me --comment=c ${times}` },
  { args: `silence add job=~[ --author=me --comment=c ${times}` },
  { args: `silence add job!=x --author=me --comment=c ${times}` },
  { args: 'silence add job=past --author=me --comment=c --start=2020-01-01T00:00:00Z --end=2020-01-02T00:00:00Z' },
  { args: 'silence query -q' },
  { args: 'silence query -o simple' },
  { args: 'silence query -o extended' },
  { args: 'silence query -o json' },
  { args: 'silence query job=node' },
  { args: 'silence query --created-by=me -q' },
  { args: 'silence query --created-by=you -q' },
  { args: 'silence query --within=1h -q' },
  { args: 'silence query --expired -q' },
  { args: 'silence update $1 --comment=longer --end=2999-02-01T00:00:00Z' },
  { args: 'silence update 00000000-0000-4000-8000-000000000000 --comment=x' },
  { args: 'silence query job=node -o extended' },
  { args: 'silence expire $1' },
  { args: 'silence expire $1' },
  { args: 'silence expire 00000000-0000-4000-8000-000000000000' },
  { args: 'silence expire x' },
  { args: 'silence query --expired -q' },
  { args: 'silence import', stdin: imported },
  { args: 'silence import', stdin: '[{"matchers":[]}]', countsByChance: true },
  { args: 'silence import', stdin: 'x' },
  { args: 'silence query imported=1 -o extended' },
  { args: 'silence expire $2 $3' },
  { args: 'silence query -q' },
];

for (const name of ['amtool', 'amtool-0.25'] as const) {
  describe(`${name} silence with Tocsin`, { skip: skipWithout('alertmanager') || skipWithout(name) }, () => {
    it('prints the same as with Alertmanager, command by command', async (t) => {
      const [alertmanager, tocsin] = await Promise.all([startAlertmanager(), startTocsinApp()]);
      const theirs = new Client(requireServer(name), alertmanager.url);
      const ours = new Client(requireServer(name), tocsin.url);
      try {
        for (const [index, command] of commands.entries()) {
          const [actual, expected] = await Promise.all([ours.run(command), theirs.run(command)]);
          await t.test(`${index + 1}: ${command.args}`, () => assert.deepEqual(actual, expected));
        }
        assert.ok(ours.count >= 4);
      } finally {
        await tocsin.stop();
        await alertmanager.stop();
      }
    });
  });
}

/** Runs commands against one server, and normalises what differs from run to run. */
class Client {
  readonly #amtool: string;
  readonly #url: string;
  readonly #ids: string[] = [];

  constructor(amtool: string, url: string) {
    this.#amtool = amtool;
    this.#url = url;
  }

  get count(): number {
    return this.#ids.length;
  }

  async run({ args, stdin = '', countsByChance = false }: Command): Promise<unknown> {
    const given = args.split(' ').map((arg) => arg.replace(/\$(\d)/, (_, at: string) => this.#ids[Number(at) - 1]!));
    const child = spawn(this.#amtool, [`--alertmanager.url=${this.#url}`, ...given], {
      env: { HOME: '/nonexistent', TZ: 'UTC' },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: 20_000,
    });
    // A command that does not read its input may already have ended.
    child.stdin.on('error', () => undefined).end(stdin);
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    if (!countsByChance) return { code: code as unknown, stdout: this.#plain(stdout), stderr: this.#plain(stderr) };
    return { stdout: this.#plain(stdout), stderr: this.#plain(stderr.replace(/^.*couldn't import [^]*/m, '')) };
  }

  #plain(output: string): string {
    const unknown = '00000000-0000-4000-8000-000000000000';
    const plain = output
      .replaceAll(/[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[\da-f]{4}-[\da-f]{12}/g, (id) => {
        if (id === unknown) return id;
        if (!this.#ids.includes(id)) this.#ids.push(id);
        return `$${this.#ids.indexOf(id) + 1}`;
      })
      .replaceAll(this.#url, 'URL')
      .replaceAll(/^time=\S+ /gm, '')
      // The present time, and times derived from it.
      .replaceAll(/20[2-4]\d-\d\d-\d\d[T ][\d:.]+(?:Z| UTC)/g, 'NOW');
    return plain;
  }
}
