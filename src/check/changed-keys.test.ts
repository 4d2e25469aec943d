import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Config } from '../config/config.ts';
import { changedKeys, filesIn } from './changed-keys.ts';

describe('changedKeys', () => {
  it('are none in a configuration that says nothing, or what is the default anyway', () => {
    assert.deepEqual(changedKeys(Config.parse({})), []);
    assert.deepEqual(changedKeys(Config.parse({ controller: { resync: '10m' } })), []);
  });

  it('are those that differ, as a file would have them', () => {
    const config = Config.parse({
      controller: { action: 'annotate', resync: '1h30m' },
      prometheus: { url: 'http://me:pw@prometheus:9090' },
      receiver: { group_by: ['alertname', 'team'] },
    });
    assert.deepEqual(changedKeys(config), [
      'receiver.group_by: ["alertname","team"]',
      'controller.action: "annotate"',
      'controller.resync: 1h30m',
      'prometheus.url: ["http://***@prometheus:9090"]',
    ]);
  });

  it('show no secret', () => {
    const http_config = {
      basic_auth: { username: 'me', password: 'hunter2' },
      http_headers: { 'X-Token': { secrets: ['hunter3'] } },
    };
    const shown = changedKeys(Config.parse({ prometheus: { url: 'http://p:9090', http_config } })).join('\n');
    assert.match(shown, /prometheus\.http_config\.basic_auth\.password: <secret>/);
    assert.match(shown, /prometheus\.http_config\.http_headers: X-Token/i);
    assert.doesNotMatch(shown, /hunter/);
  });
});

describe('filesIn', () => {
  it('are all that the configuration names', () => {
    const http_config = {
      authorization: { credentials_file: '/a/token' },
      tls_config: { ca_file: '/a/ca.crt' },
      http_headers: { 'X-Token': { files: ['/a/header'] } },
    };
    const config = Config.parse({ prometheus: { url: 'http://p:9090', http_config } });
    assert.deepEqual([...filesIn(config)].toSorted(), ['/a/ca.crt', '/a/header', '/a/token']);
    assert.deepEqual(filesIn(Config.parse({})), []);
  });
});
