import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { alertFile, codesOfAlert, problemsOfFiles } from './rules.fixture.ts';

const scrapes = (job: string, discovery: string) =>
  JSON.stringify({ scrape_configs: [{ job_name: job, [discovery]: [{ role: 'pod' }] }] });

const discovered = scrapes('a', 'kubernetes_sd_configs');

function severityOf(expr: string, ...others: readonly string[]): string | undefined {
  return problemsOfFiles(alertFile({ expr }), ...others).find(({ code }) => code === 'up-is-zero')?.severity;
}

describe('an alert on up alone', () => {
  it('is silent when its target is no longer discovered', () => {
    for (const expr of [
      'up == 0',
      'up{job="a"} == 0',
      'up < 1',
      'up != 1',
      '0 == up',
      'avg_over_time(up{job="a"}[5m]) < 0.5',
      'min by (job) (up) == 0',
      'up == 0 and b > 1',
    ])
      assert.equal(severityOf(expr, discovered), 'warning', expr);
  });

  it('may be, as long as nobody has said how targets are found', () => {
    assert.equal(severityOf('up{job="a"} == 0'), 'info');
    assert.equal(severityOf('up{job="a"} == 0', scrapes('b', 'kubernetes_sd_configs')), 'info');
  });

  it('is right where targets are listed by hand', () => {
    assert.equal(severityOf('up{job="a"} == 0', scrapes('a', 'static_configs')), undefined);
  });

  it('is mended by absent() or a count of the same job, wherever it stands', () => {
    const other = (expr: string) => alertFile({ alert: 'B', expr });
    assert.equal(severityOf('up{job="a"} == 0 or absent(up{job="a"})', discovered), undefined);
    assert.equal(severityOf('up{job="a"} == 0', discovered, other('absent(up{job="a"})')), undefined);
    assert.equal(severityOf('up{job="a"} == 0', discovered, other('count(up{job="a"}) < 3')), undefined);
    assert.equal(severityOf('up{job="a"} == 0', discovered, other('absent(up{job="b"})')), 'warning');
  });

  it('is not meant where something else is compared', () => {
    for (const expr of ['up == 1', 'a == 0', 'sum(up) < 3', 'count(up) < 3', 'a / up < 1'])
      assert.equal(severityOf(expr, discovered), undefined, expr);
  });
});

describe('an alert on the share of what succeeded', () => {
  const succeeded = 'sum by (route) (rate(r_total{classification="success"}[5m]))';
  const total = 'sum by (route) (rate(r_total[5m]))';

  it('is silent when nothing succeeds', () => {
    for (const expr of [
      `${succeeded} / ${total} < 0.9`,
      `0.9 > (${succeeded}) / ${total}`,
      `100 * ${succeeded} / ${total} < 90`,
      `${succeeded} / ${total} * 100 <= 90`,
      `1 - ${succeeded} / ${total} > 0.1`,
      `(${total} - ${succeeded}) / ${total} > 0.1`,
      `${succeeded} / ${total} < 0.9 and ${total} > 1`,
      'sum(rate(r_total{code!~"5.."}[5m])) / sum(rate(r_total[5m])) < 0.9',
    ])
      assert.deepEqual(codesOfAlert({ expr }), ['silent-at-total-failure'], expr);
  });

  it('is not when it counts failures, or has something for the missing series', () => {
    for (const expr of [
      'sum(rate(r_total{code=~"5.."}[5m])) / sum(rate(r_total[5m])) > 0.1',
      `(${succeeded} or 0 * ${total}) / ${total} < 0.9`,
      `${succeeded} / ${total} < 0.9 or absent(a)`,
      'node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < 0.1',
      'rate(ok_total[5m]) / rate(all_total[5m]) < 0.9',
    ])
      assert.deepEqual(codesOfAlert({ expr }), [], expr);
  });
});

describe('an alert whose condition is none', () => {
  it('fires for every series', () => {
    for (const expr of [
      'a',
      'sum(rate(a[5m]))',
      'a > bool 1',
      'up >= 0',
      'rate(a[5m]) >= 0',
      'vector(1)',
      'a + b',
      '(a == bool 1)',
    ])
      assert.deepEqual(codesOfAlert({ expr }), ['always-fires'], expr);
  });

  it('may fire always if it is a watchdog by name', () => {
    assert.deepEqual(codesOfAlert({ alert: 'Watchdog', expr: 'vector(1)' }), []);
    assert.deepEqual(codesOfAlert({ alert: 'TocsinDeadMansSwitch', expr: 'vector(1)' }), []);
  });

  it('has one where something has to be there, or a rule has compared already', () => {
    for (const expr of [
      'absent(a)',
      'count(a == 1) > 0',
      'count(a) > 0',
      'a and b',
      'a unless b',
      'job:a:failing',
      'ALERTS{alertname="B"}',
      'a != b',
    ])
      assert.deepEqual(codesOfAlert({ expr }), [], expr);
  });

  it('never fires', () => {
    for (const expr of ['count(a) == 0', 'absent(a) == 0', 'up > 1', 'vector(0) > 0', 'rate(a[5m]) < 0'])
      assert.deepEqual(codesOfAlert({ expr }), ['never-fires'], expr);
  });

  it('selects nothing', () => {
    assert.deepEqual(codesOfAlert({ expr: 'a{b="c",b="d"} > 1' }), ['selects-nothing']);
    assert.deepEqual(codesOfAlert({ expr: 'a{b="c",b!="c"} > 1' }), ['selects-nothing']);
    assert.deepEqual(codesOfAlert({ expr: 'a{b="c",b!="d"} > 1' }), []);
  });
});
