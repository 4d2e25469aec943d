import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '../../runtime/eventually.fixture.ts';
import { rawConnection, requestHead } from '../../server/raw-connection.fixture.ts';
import { metric } from '../../runtime/metric.fixture.ts';
import { startRoutes, type TestRoutes, type TestRoutesOptions } from '../routes.fixture.ts';

const json = { 'Content-Type': 'application/json' };
const hour = 3_600_000;

describe('silences over HTTP', () => {
  it('are created, read, listed, replaced and expired', async (t) => {
    const { create, read, routes, at } = await start(t);
    const id = await create({ comment: '<window>' });
    const body = await read(id);
    assert.equal(
      body,
      `{"id":"${id}","status":{"state":"active"},"updatedAt":"${at(0)}","comment":"\\u003cwindow\\u003e","createdBy":"me",` +
        `"endsAt":"${at(hour)}","matchers":[{"isEqual":true,"isRegex":false,"name":"job","value":"node"}],"startsAt":"${at(0)}"}\n`,
    );
    assert.equal(await create({ id, endsAt: at(2 * hour) }), id);
    const other = await create({ id, matchers: [{ name: 'job', value: 'x', isRegex: false }] });
    assert.notEqual(other, id);
    const list = async () =>
      (
        (await (await fetch(`${routes.url}/api/v2/silences`)).json()) as { id: string; status: { state: string } }[]
      ).map((silence) => [silence.id, silence.status.state]);
    assert.deepEqual(await list(), [
      [other, 'active'],
      [id, 'expired'],
    ]);
    const gone = await fetch(`${routes.url}/api/v2/silence/${other}`, { method: 'DELETE' });
    assert.deepEqual([gone.status, await gone.text()], [200, '']);
    assert.deepEqual(
      (await list()).map(([, state]) => state),
      ['expired', 'expired'],
    );
    const events = routes.logger.lines.map(({ event }) => event).filter((event) => event.startsWith('silence.'));
    assert.deepEqual(events, [
      'silence.started',
      'silence.changed',
      'silence.ended',
      'silence.started',
      'silence.ended',
    ]);
  });

  it('are answered 500 with the reason, and do not change, if they cannot be stored', async (t) => {
    let full = false;
    const { create, post, read, routes } = await start(t, {
      append: async () => {
        if (full) throw new Error('no space is left (ENOSPC)');
      },
    });
    const id = await create();
    const before = await read(id);
    full = true;
    const answer = await post({});
    assert.deepEqual([answer.status, await answer.text()], [500, '"no space is left (ENOSPC)"\n']);
    const expired = await fetch(`${routes.url}/api/v2/silence/${id}`, { method: 'DELETE' });
    assert.equal(expired.status, 500);
    assert.equal(await read(id), before);
    assert.equal(await metric(routes.registry, 'tocsin_silences_not_stored_total'), 2);
    assert.equal(routes.logger.linesOf('silence.not_stored').length, 2);
    full = false;
    await create();
    assert.equal(await metric(routes.registry, 'tocsin_silences{state="active"}'), 2);
  });

  it('are stored together if they arrive while the disk is busy, and each is answered after that', async (t) => {
    const batches: number[] = [];
    const gates: (() => void)[] = [];
    const { post } = await start(t, {
      append: (changes) =>
        new Promise((resolve) => {
          batches.push(changes.length);
          gates.push(resolve);
        }),
    });
    const answers = [0, 1, 2, 3].map(() => post({}));
    while (gates.length === 0) await new Promise((resolve) => setImmediate(resolve));
    // The others are read meanwhile, however slow the machine is: a few turns each.
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    gates[0]!();
    while (gates.length === 1) await new Promise((resolve) => setImmediate(resolve));
    gates[1]!();
    assert.deepEqual(
      (await Promise.all(answers)).map(({ status }) => status),
      [200, 200, 200, 200],
    );
    assert.equal(batches.length, 2);
  });

  it('keep the alerts that they match from waking a reconcile, and wake one when the last silence ends', async (t) => {
    const { create, routes, at, alert } = await start(t);
    const short = await create({ endsAt: at(60_000) });
    const long = await create({ endsAt: at(120_000) });
    await alert({ job: 'node' });
    await alert({ job: 'node' });
    assert.equal(routes.sunk.length, 0);
    assert.equal(await metric(routes.registry, 'tocsin_alerts_suppressed_total'), 2);
    const [line] = routes.logger.fieldsOf('alerts.suppressed');
    assert.deepEqual([line!['suppressed'], new Set(line!['silences'] as string[])], [1, new Set([short, long])]);
    await alert({ job: 'other' });
    assert.equal(routes.sunk.length, 1);
    await routes.clock.advanceAsync(60_000);
    assert.equal(routes.sunk.length, 1);
    await routes.clock.advanceAsync(60_000);
    assert.equal(routes.sunk.length, 2);
    const [[, cause] = []] = routes.sunk[1]!.alerts;
    assert.deepEqual([cause!.labels, cause!.status], [{ job: 'node' }, 'silence expired']);
    assert.deepEqual([...routes.sunk[1]!.triggers], ['silence']);
    assert.deepEqual([...routes.sunk[1]!.requestIds], []);
    assert.deepEqual(routes.logger.valuesOf('silence.ended', 'silence'), [[short], [long]]);
  });

  it('name the request that ended the last of them, whether it deleted or replaced it', async (t) => {
    const { create, post, routes, alert } = await start(t);
    const first = await create();
    await alert({ job: 'node' });
    const removal = await fetch(`${routes.url}/api/v2/silence/${first}`, { method: 'DELETE' });
    const second = await create();
    const replacement = await post({ id: second, matchers: [{ name: 'job', value: 'other', isRegex: false }] });
    await routes.clock.advanceAsync(0);
    assert.deepEqual(
      routes.sunk.map(({ requestIds }) => [...requestIds]),
      [removal, replacement].map(({ headers }) => [headers.get('x-request-id')]),
    );
  });

  it('wake no reconcile at their end for alerts that no longer fire', async (t) => {
    const { create, routes, at, alert } = await start(t);
    const id = await create();
    await alert({ job: 'node' });
    await alert({ job: 'node' }, { endsAt: at(0) });
    await fetch(`${routes.url}/api/v2/silence/${id}`, { method: 'DELETE' });
    await routes.clock.advanceAsync(0);
    assert.equal(routes.sunk.length, 0);
  });

  it('are logged when they are refused', async (t) => {
    const { post, routes } = await start(t);
    const answer = await post({ comment: 'x'.repeat(70_000) });
    assert.match(await answer.text(), /^"silence exceeded maximum size: \d+ bytes \(limit: 65536 bytes\)"\n$/);
    assert.equal((await post({ matchers: [null] })).status, 400);
    assert.equal(await metric(routes.registry, 'tocsin_limit_reached_total{limit="max_silence_size"}'), 1);
    assert.deepEqual(routes.logger.valuesOf('silence.rejected', 'status', 'method'), [
      [400, 'POST'],
      [400, 'POST'],
    ]);
  });

  it('are no defect when the sender disconnects during a request', async (t) => {
    const { routes } = await start(t);
    const { socket, send } = await rawConnection(t, Number(new URL(routes.url).port));
    send(requestHead('POST', '/api/v2/silences', 'Content-Type: application/json', 'Content-Length: 100'));
    send('{"matchers":');
    await eventually(
      () => routes.logger.lines.length,
      (lines) => {
        socket.destroy();
        return lines > 0;
      },
    );
    assert.deepEqual(routes.logger.valuesOf('silence.rejected', 'status', 'reason'), [
      [400, 'the connection was closed before the body was whole'],
    ]);
    assert.deepEqual(routes.logger.linesOf('silence.failed'), []);
  });
});

async function start(t: TestContext, options: TestRoutesOptions = {}) {
  const routes: TestRoutes = await startRoutes(t, options);
  const now = routes.clock.now();
  const at = (ms: number): string => new Date(now + ms).toISOString();
  const matchers = [{ name: 'job', value: 'node', isRegex: false }];
  const post = (given: object): Promise<Response> =>
    fetch(`${routes.url}/api/v2/silences`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ matchers, startsAt: at(0), endsAt: at(hour), createdBy: 'me', comment: 'c', ...given }),
    });
  const create = async (given: object = {}): Promise<string> => {
    const answer = await post(given);
    assert.equal(answer.status, 200, answer.status === 200 ? '' : await answer.text());
    return ((await answer.json()) as { silenceID: string }).silenceID;
  };
  const read = async (id: string): Promise<string> => (await fetch(`${routes.url}/api/v2/silence/${id}`)).text();
  const alert = async (labels: object, rest: object = {}): Promise<void> => {
    assert.equal((await routes.post(JSON.stringify([{ labels, ...rest }]))).status, 200);
  };
  return { routes, at, post, create, read, alert };
}
