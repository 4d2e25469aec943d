import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lintCodes } from './codes.ts';
import { problemsOf } from './lint.fixture.ts';
import { sarifOf } from './sarif.ts';

const options = { version: '1.2.3', docsUrl: 'https://example.org/tocsin' };

describe('SARIF', () => {
  it('has a rule for each code, with its help', () => {
    const { tool } = sarifOf([], options).runs[0]!;
    assert.deepEqual([tool.driver.name, tool.driver.version], ['tocsin', '1.2.3']);
    assert.deepEqual(
      tool.driver.rules!.map(({ id }) => id),
      Object.keys(lintCodes),
    );
    for (const { id, help, helpUri, shortDescription } of tool.driver.rules!) {
      assert.equal(helpUri, `https://example.org/tocsin/docs/checks.md#${id}`);
      assert.ok(help!.text.length > 20 && shortDescription!.text.endsWith('.'), id);
    }
  });

  it('has each problem with its region in UTF-16 units, and its fix', () => {
    const text = 'route: {receiver: a}\nreceivers: [{name: a}]\ntemplates: ["😀", 1] # x\nglobal:\n  smtp_from: #ops\n';
    const problems = problemsOf(text, 'my files/alertmanager.yml').filter(({ code }) => code === 'null-comment');
    const [run] = sarifOf(problems, options).runs;
    assert.equal(run!.columnKind, 'utf16CodeUnits');
    assert.deepEqual(run!.results, [
      {
        ruleId: 'null-comment',
        ruleIndex: Object.keys(lintCodes).indexOf('null-comment'),
        level: 'error',
        message: { text: `${problems[0]!.message}. ${problems[0]!.hint}` },
        locations: [
          {
            physicalLocation: {
              artifactLocation: { uri: 'my%20files/alertmanager.yml' },
              region: { startLine: 5, startColumn: 14, endLine: 5, endColumn: 18 },
            },
          },
        ],
        fixes: [
          {
            description: { text: 'quotes "#ops"' },
            artifactChanges: [
              {
                artifactLocation: { uri: 'my%20files/alertmanager.yml' },
                replacements: [
                  {
                    deletedRegion: { startLine: 5, startColumn: 14, endLine: 5, endColumn: 18 },
                    insertedContent: { text: '"#ops"' },
                  },
                ],
              },
            ],
          },
        ],
      },
    ]);
  });

  it('has no links if nobody says where the docs are: SARIF wants whole addresses', () => {
    const { driver } = sarifOf([], { version: '1.2.3', docsUrl: undefined }).runs[0]!.tool;
    assert.deepEqual([driver.informationUri, driver.rules?.[0]?.helpUri], [undefined, undefined]);
    assert.match(driver.rules![0]!.help!.text, / docs\/checks\.md#/);
  });
});
