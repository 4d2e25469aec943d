import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Config } from './config.ts';

function problemsOf(prometheus: object): readonly string[] {
  const { error } = Config.safeParse({ prometheus });
  return (error?.issues ?? []).map(({ path, message }) => `${path.slice(1).join('.')}: ${message}`);
}

const [a, b] = ['http://prometheus-0:9090', 'http://prometheus-1:9090/prefix'];

describe('prometheus.url', () => {
  it('takes one URL, a list of them, or null', () => {
    const urlOf = (url: unknown) => Config.parse({ prometheus: { url } }).prometheus.url;
    assert.deepEqual(urlOf(a), [a]);
    assert.deepEqual(urlOf([a, `${b}/`]), [a, b]);
    assert.equal(urlOf(null), null);
    assert.equal(urlOf(undefined), null);
  });

  it('says which one of a list is wrong', () => {
    assert.match(problemsOf({ url: [a, 'prometheus-1:9090'] })[0]!, /^url\.1: .*did you mean "http:\/\/prometheus-1/);
  });

  it('refuses an empty list, and a URL that is there twice', () => {
    for (const url of [[], [a, a], [a, `${a}/`]]) assert.match(problemsOf({ url })[0]!, /a list of them, each once$/);
  });

  it('refuses more URLs than max_replicas', () => {
    assert.deepEqual(problemsOf({ url: [a, b], max_replicas: 1 }), [
      'url: found 2 URLs, allowed: at most prometheus.max_replicas, which is 1',
    ]);
  });

  it('refuses a query, and says where it goes without showing its values', () => {
    for (const url of [`${a}/?namespace=shop&token=s3cret`, [`${a}?namespace=shop&token=s3cret`]]) {
      const [problem = ''] = problemsOf({ url });
      assert.match(problem, /prometheus\.params: \{namespace: \[\.\.\.\], token: \[\.\.\.\]\}$/);
      assert.doesNotMatch(problem, /s3cret|shop|did you mean/);
    }
    assert.match(problemsOf({ url: `${a}?` })[0]!, /prometheus\.params: \{namespace: \[\.\.\.\]\}$/);
  });
});

describe('prometheus.params', () => {
  it('takes lists of texts by name, as a scrape configuration has them', () => {
    const { params } = Config.parse({
      prometheus: { params: { namespace: ['shop', 'web'], dedup: ['1'] } },
    }).prometheus;
    assert.deepEqual(
      [...params],
      [
        ['namespace', ['shop', 'web']],
        ['dedup', ['1']],
      ],
    );
  });

  it('refuses anything else without showing it', () => {
    for (const params of [{ namespace: 's3cret' }, { a: [5, 's3cret'] }, { a: [] }, ['s3cret'], 's3cret']) {
      const [problem = ''] = problemsOf({ params });
      assert.match(problem, /^params.*<secret>.*allowed: a (?:map|list)/);
      assert.doesNotMatch(problem, /s3cret/);
    }
  });
});

describe('prometheus.resolve', () => {
  it('is refused as all beside a proxy, which resolves the name itself', () => {
    const http_config = { proxy_url: 'http://proxy:3128' };
    assert.deepEqual(problemsOf({ url: a, http_config }), []);
    assert.match(
      problemsOf({ url: a, http_config, resolve: 'all' })[0]!,
      /^resolve: .*list every replica in prometheus/,
    );
  });
});
