import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isNotification } from '../cause/alert-cause.ts';
import { readLink } from '../page/core/link.ts';
import { requestKey } from '../reconcile/ports.ts';
import { DecidedBy, postable, whyUrl } from './postable.ts';

const notification = {
  status: 'False',
  reason: 'AllDropped',
  message: 'All is dropped.',
  decidedBy: 'A',
  startsAt: 0,
  endsAt: 1000,
  firing: true,
} as const;
const rendering = { labels: new Map([['severity', 'critical']]), externalUrl: 'http://tocsin' };

describe('postable', () => {
  it('has the namespace and the group of a pipeline that has them, and no runbook where the message names none', () => {
    const request = { kind: 'Kustomization', group: 'fluxcd.io', namespace: 'apps', name: 'shop' };
    const { labels, annotations } = postable({ ...notification, request }, rendering);
    assert.deepEqual(labels, {
      severity: 'critical',
      alertname: 'PipelineUnhealthy',
      kind: 'Kustomization',
      group: 'fluxcd.io',
      namespace: 'apps',
      name: 'shop',
      reason: 'AllDropped',
      tocsin: 'notify',
    });
    assert.equal(annotations['runbook_url'], undefined);
    assert.ok(isNotification(labels));
  });

  it('links to the page with the pipeline open, whatever its name is', () => {
    const word = fc.stringMatching(/^[A-Za-z0-9.-]{1,20}$/);
    fc.assert(
      fc.property(word, word, fc.option(word, { nil: undefined }), (kind, name, namespace) => {
        const request = { kind, name, ...(namespace !== undefined && { namespace }) };
        const url = new URL(whyUrl('https://a.example/prefix', request));
        assert.equal(url.pathname, '/prefix/');
        assert.deepEqual(readLink(url.search).selected, { of: 'pipeline', pipeline: requestKey(request) });
      }),
    );
  });
});

describe('DecidedBy', () => {
  it('says which alert decided, or why none did', () => {
    const decidedBy = new DecidedBy();
    const labels = { alertname: 'A', pod: 'x"y' };
    assert.equal(decidedBy.text({ by: 'alert', labels }), String.raw`A{pod="x\"y"}`);
    assert.equal(decidedBy.text({ by: 'alert', labels: { alertname: 'A' } }), 'A');
    assert.match(
      decidedBy.text({ by: 'push', labels: { alertname: 'B', a: 'b' } }),
      /^B\{a="b"\} still pushed as firing$/,
    );
    assert.equal(
      decidedBy.text({ by: 'condition', type: 'ConfigurationGenerated', status: 'False', reason: 'X' }),
      'ConfigurationGenerated is False (X)',
    );
  });

  it('makes one text for all pipelines of one alert, and cuts a long one', () => {
    const decidedBy = new DecidedBy();
    const labels = { alertname: 'A', long: 'x'.repeat(5000) };
    const text = decidedBy.text({ by: 'alert', labels });
    assert.deepEqual([text.length, text.endsWith('…')], [512, true]);
    assert.equal(text, decidedBy.text({ by: 'alert', labels }));
  });

  it('says nothing that is no text, whatever the labels are', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string({ unit: 'binary', maxLength: 600 })), (labels) => {
        const text = new DecidedBy().text({ by: 'alert', labels });
        assert.ok(text.length <= 512 && (!Object.values(labels).join('').isWellFormed() || text.isWellFormed()));
      }),
    );
  });
});
