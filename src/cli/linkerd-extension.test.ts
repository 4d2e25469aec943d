import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../runtime/clock.ts';
import { ownArguments, runLinkerdExtension } from './linkerd-extension.ts';

async function run(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let [stdout, stderr] = ['', ''];
  const code = await runLinkerdExtension(args, {
    environment: { KUBECONFIG: '/nonexistent' },
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    clock: systemClock,
    packageFolder: '/nonexistent',
  });
  return { code, stdout, stderr };
}

describe('linkerd-tocsin', () => {
  it('describes itself as linkerd check expects it', async () => {
    assert.deepEqual(await run('_extension-metadata'), {
      code: 0,
      stdout: '{"name":"linkerd-tocsin","checks":"always"}\n',
      stderr: '',
    });
  });

  it('checks with every flag that linkerd hands on, and answers in its JSON', async () => {
    const { code, stdout, stderr } = await run(
      'check',
      '--api-addr=',
      '--context=',
      '--as=',
      '--as-group=[]',
      '--kubeconfig=/nonexistent',
      '--linkerd-namespace=linkerd',
      '--verbose=false',
      '--namespace=emojivoto',
      '--proxy=false',
      '--wait=5m0s',
      '--cli-version-override=edge-26.1.1',
      '--output=json',
    );
    assert.deepEqual([code, stderr], [1, '']);
    const { success, categories } = JSON.parse(stdout) as {
      success: boolean;
      categories: readonly { checks: object[] }[];
    };
    assert.equal(success, false);
    for (const { checks } of categories)
      for (const check of checks)
        assert.ok(Object.keys(check).every((key) => ['description', 'hint', 'error', 'result'].includes(key)));
  });

  it('is nothing else', async () => {
    const { code, stderr } = await run('why');
    assert.equal(code, 2);
    assert.match(stderr, /linkerd-tocsin: found "why", allowed: _extension-metadata, check/);
  });
});

describe('ownArguments', () => {
  const cases = {
    'the namespace of proxies is not that of Tocsin': [
      ['-n', 'emojivoto', '-o', 'json'],
      ['-o', 'json'],
    ],
    'a flag that was set': [['--verbose=true', '--proxy=true'], ['--verbose']],
    'a flag without a value': [
      ['--proxy', '--verbose', '--pre'],
      ['--verbose', '--pre'],
    ],
    'a value with an equals sign': [['--context=a=b'], ['--context=a=b']],
    'whose rights to check': [['--as=ann', '--as-group=[]'], ['--as=ann']],
    'a foreign flag at the end': [['--namespace'], []],
  } as const satisfies Record<string, readonly [readonly string[], readonly string[]]>;
  for (const [name, [given, own]] of Object.entries(cases))
    it(name, () => assert.deepEqual(ownArguments(given), ['--namespace=tocsin', ...own]));

  it('hands on no flag that is about Linkerd, and leaves words as they are', () => {
    const foreign = fc.constantFrom(
      '--proxy',
      '--namespace=a',
      '--linkerd-namespace=l',
      '--api-addr=',
      '--as-group=[]',
    );
    const own = fc.constantFrom('--pre', '--wait=5m0s', '--output=json', '--context=c');
    fc.assert(
      fc.property(fc.array(fc.oneof(foreign, own)), (args) => {
        const kept = args.filter((arg) => !/^--(?:proxy|namespace|linkerd-namespace|api-addr|as-group)\b/.test(arg));
        assert.deepEqual(ownArguments(args), ['--namespace=tocsin', ...kept]);
      }),
    );
    fc.assert(fc.property(fc.array(fc.string()), (args) => Array.isArray(ownArguments(args))));
  });
});
