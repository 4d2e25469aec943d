import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fact } from '../history/fact.ts';
import { subjectOf } from './visible-facts.ts';

const fact = (event: string, fields: object): Fact => ({
  id: 1,
  time: '2026-11-30T09:00:00.000Z',
  level: 'info',
  event,
  msg: 'm',
  ...fields,
});

const labels = { alertname: 'A', namespace: 'shop' };

describe('whose a fact is', () => {
  const rows: readonly (readonly [string, object, string | undefined])[] = [
    ['alert.new', { labels }, 'alerts shop'],
    ['alert.resolved', { labels }, 'alerts shop'],
    ['alert.expired', { labels: { alertname: 'A' } }, undefined],
    ['alert.new', {}, undefined],
    ['silence.started', { matchers: ['namespace="shop"', 'alertname=~"A.*"'] }, 'silences shop'],
    ['silence.ended', { matchers: ['alertname="A"'] }, undefined],
    ['silence.ended', { matchers: ['namespace=~"shop"'] }, undefined],
    ['silence.changed', { matchers: ['namespace="shop"', 'namespace="bank"'] }, 'silences shop bank'],
    ['silence.rejected', { reason: 'namespace="shop"' }, undefined],
    ['trigger.rejected', { trigger: 'alerttrigger/shop/orders' }, 'alerts shop'],
    ['trigger.observed', { trigger: 'alerttrigger/shop/orders', labels: { namespace: 'bank' } }, 'alerts shop bank'],
    ['trigger.observed', { trigger: 'alerttrigger/shop/orders', labels: { alertname: 'A' } }, undefined],
    ['trigger.inhibited', { trigger: 'alerttrigger/shop/orders', source: 'NodeDown' }, undefined],
    ['trigger.accepted', { trigger: 'clusteralerttrigger/all' }, undefined],
    ['trigger.accepted', { trigger: 'file/shop' }, undefined],
    ['trigger.status_delayed', { waiting: 3 }, undefined],
    ['alerts.received', { labels, alerts: 1 }, undefined],
    ['causes.named', { alerts: [{ labels }] }, undefined],
    ['reconcile.finished', { decided_by: { labels } }, undefined],
    ['prometheus.queried', { firing_alerts: [labels] }, undefined],
  ];
  for (const [event, fields, subject] of rows)
    it(`${event} with ${JSON.stringify(fields)} is ${subject === undefined ? 'for the owner of the cluster' : `of ${subject}`}`, () => {
      const found = subjectOf(fact(event, fields), 'namespace');
      assert.equal(found === undefined ? undefined : [found.resource, ...found.namespaces].join(' '), subject);
    });
});
