import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createAuthority } from '../../src/server/certificates.fixture.ts';
import { sendOverTls } from '../support/send-over-tls.ts';
import { startTocsin } from '../support/tocsin-process.ts';

describe('k8s/components/tls', () => {
  it('opens to TLS 1.2 and 1.3, to whoever shows no certificate, as the kubelet', async (test) => {
    const ca = await createAuthority();
    test.after(() => ca.remove());
    const { certFile, keyFile } = await ca.issue('tls');
    assert.deepEqual([certFile, keyFile], [join(ca.folder, 'tls.crt'), join(ca.folder, 'tls.key')]);
    const webConfig = await readFile(new URL('../../k8s/components/tls/listen/web.yml', import.meta.url), 'utf8');
    assert.match(webConfig, /\/etc\/tocsin-tls\/tls\.crt[^]*\/etc\/tocsin-tls\/tls\.key/);
    const here = webConfig.replaceAll('/etc/tocsin-tls', ca.folder);
    const tocsin = await startTocsin({ scheme: 'https', webConfig: here });
    test.after(() => tocsin.stop());
    const ready = { status: 200, body: 'OK' };
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
      assert.deepEqual(
        await sendOverTls(`${tocsin.url}/-/ready`, ca.caFile, { minVersion: version, maxVersion: version }),
        ready,
      );
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await assert.rejects(sendOverTls(`${tocsin.url}/-/ready`, ca.caFile, old), /alert protocol version/);
  });
});
