import { after, before } from 'node:test';
import { KubeAdmin } from './kube-admin.ts';
import { startKubeApiServer, type KubeApiServer } from './kube-api-server.ts';

const shared: { server?: Promise<KubeApiServer> } = {};

after(async () => (await shared.server)?.stop());

/**
 * The one API server of this process, with the CRDs of the pipelines, to be called in the body of a `describe`: the first `describe`
 * starts it, and each one leaves it without pipelines and without Events. CRDs, rights and namespaces stay.
 */
export function useSharedKubeApiServer(): () => KubeApiServer {
  let server: KubeApiServer | undefined;
  before(async () => void (server = await (shared.server ??= startKubeApiServer())));
  after(async () => {
    if (server === undefined) return;
    const admin = new KubeAdmin(server);
    await admin.clear().finally(() => admin.close());
  });
  return () => {
    if (server === undefined) throw new Error('the API server runs only while the tests of its describe run');
    return server;
  };
}
