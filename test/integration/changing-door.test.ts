import assert from 'node:assert/strict';
import { before, describe, it, type TestContext } from 'node:test';
import bcrypt from 'bcryptjs';
import { stringify } from 'yaml';
import type { Reviews } from '../../src/access/reviews.ts';
import {
  createCertificates,
  isLetIn,
  startChangingDoor,
  type Certificates,
  type ChangingDoor,
  type Files,
  type Visitor,
} from '../../src/server/changing-door.fixture.ts';

/** Two sets of secrets; neither opens the door of the other. */
type Era = 'old' | 'new';
const eras = ['old', 'new'] as const;
const hashes = { old: bcrypt.hashSync('old', 4), new: bcrypt.hashSync('new', 4) };
const ruledPath = '/open';

const locks = ['none', 'password', 'token', 'TLS and password', 'client certificate', 'rules', 'kubernetes'] as const;
type Lock = (typeof locks)[number];

interface Guest {
  readonly scheme: 'http' | 'https';
  readonly shows: 'nothing' | 'password' | 'token' | 'certificate' | 'ServiceAccount';
  readonly era: Era;
  readonly path: '/' | '/open';
}

const guests: readonly Guest[] = (['http', 'https'] as const).flatMap((scheme) =>
  (['nothing', 'password', 'token', 'certificate', 'ServiceAccount'] as const).flatMap((shows) =>
    eras.flatMap((era) =>
      (['/', ruledPath] as const).flatMap((path) => {
        const isTwice = shows === 'nothing' && era === 'new';
        const isImpossible = shows === 'certificate' && scheme === 'http';
        return isTwice || isImpossible || (path !== '/' && shows !== 'nothing') ? [] : [{ scheme, shows, era, path }];
      }),
    ),
  ),
);

/** A cluster that knows one token for each audience, and gives its sender every right. */
const cluster: Reviews = {
  reviewToken: (token, [audience]) => Promise.resolve(token === `for-${audience}` ? someone : undefined),
  mayDo: () => Promise.resolve(true),
};
const someone = { user: 'someone', uid: '', groups: [], extra: {} };

/** The specification of each lock in one line, independent of all code that implements it. */
function opensFor(lock: Lock, era: Era, guest: Guest): boolean {
  const shows = (what: Guest['shows']): boolean => guest.shows === what && guest.era === era;
  const isPlain = guest.scheme === 'http';
  const opens: Readonly<Record<Lock, boolean>> = {
    none: isPlain,
    password: isPlain && shows('password'),
    token: isPlain && shows('token'),
    'TLS and password': !isPlain && shows('password'),
    'client certificate': !isPlain && shows('certificate'),
    rules: isPlain && (guest.path === ruledPath || shows('password')),
    kubernetes: isPlain && shows('ServiceAccount'),
  };
  return opens[lock];
}

describe('a change of the web configuration', { concurrency: 6 }, () => {
  const certificates = {} as Record<Era, Certificates>;
  before(async () => {
    for (const era of eras) certificates[era] = await createCertificates();
  });

  function filesOf(lock: Lock, era: Era): Files {
    const { server, ca } = certificates[era];
    const users = { basic_auth_users: { ann: hashes[era] } };
    const tls = { cert_file: 'server.crt', key_file: 'server.key' };
    const mutual = { ...tls, client_auth_type: 'RequireAndVerifyClientCert', client_ca_file: 'ca.crt' };
    const pem = { 'server.crt': server.cert, 'server.key': server.key };
    const file = (config: object, more: Files = {}): Files => ({ 'web.yml': stringify(config), ...more });
    switch (lock) {
      case 'none':
        return file({});
      case 'password':
        return file(users);
      case 'token':
        return file({ authorization: { credentials_files: ['token'] } }, { token: era });
      case 'TLS and password':
        return file({ ...users, tls_server_config: tls }, pem);
      case 'client certificate':
        return file({ tls_server_config: mutual }, { ...pem, 'ca.crt': ca });
      case 'rules':
        return file({ ...users, access: { [ruledPath]: 'open' } });
      case 'kubernetes':
        return file({ kubernetes: { enabled: true, audiences: [era] } });
    }
  }

  function visitorOf(guest: Guest): Visitor {
    const { scheme, shows, era, path } = guest;
    const basic = `Basic ${Buffer.from(`ann:${era}`).toString('base64')}`;
    const bearers = { token: `Bearer ${era}`, ServiceAccount: `Bearer for-${era}` };
    const authorization = { nothing: undefined, certificate: undefined, password: basic, ...bearers }[shows];
    return {
      scheme,
      path,
      // Refusals of an address with many failures are delayed, and the time stands still here.
      localAddress: `127.0.1.${guests.indexOf(guest) + 1}`,
      ...(authorization !== undefined && { headers: { authorization } }),
      ...(shows === 'certificate' && certificates[era].client),
    };
  }

  interface Change {
    readonly door: ChangingDoor;
    readonly from: Lock;
    readonly to: Lock;
  }

  const opened = ({ from, to }: Change, guest: Guest): readonly [boolean, boolean] => [
    opensFor(from, 'old', guest),
    opensFor(to, 'new', guest),
  ];

  /**
   * All guests knock repeatedly until the change is over. A guest may get in only if the old or the new configuration lets it in.
   */
  async function knockDuring(change: Change, work: Promise<unknown>): Promise<void> {
    const strangers = guests.filter((guest) => !opened(change, guest).includes(true));
    const isOver = work.then(() => true);
    do {
      for (const guest of strangers)
        assert.equal(await isLetIn(change.door.port, visitorOf(guest)), false, JSON.stringify(guest));
    } while (!(await Promise.race([isOver, Promise.resolve(false)])));
  }

  async function knockAt(port: number, lock: Lock, era: Era): Promise<void> {
    for (const guest of guests)
      assert.equal(await isLetIn(port, visitorOf(guest)), opensFor(lock, era, guest), JSON.stringify([lock, guest]));
  }

  async function start(test: TestContext, from: Lock, to: Lock): Promise<Change> {
    return { door: await startChangingDoor(test, filesOf(from, 'old'), undefined, cluster), from, to };
  }

  for (const from of locks) {
    for (const to of locks) {
      it(`from ${from} to ${to} holds as a whole, in one edit`, async (test) => {
        const change = await start(test, from, to);
        const { door } = change;
        await knockAt(door.port, from, 'old');
        door.write(filesOf(to, 'new'));
        await knockDuring(change, door.untilRead());
        await knockAt(door.port, to, 'new');
        assert.deepEqual([door.swaps(), await door.isGood()], [1, 1]);
      });
    }
  }

  const ofSeveral = locks.filter(
    (lock) => lock !== 'none' && lock !== 'password' && lock !== 'rules' && lock !== 'kubernetes',
  );
  for (const from of locks) {
    for (const to of ofSeveral.filter((lock) => lock !== from)) {
      it(`from ${from} to ${to} holds as a whole, in several files, each of them long after the other`, async (test) => {
        const change = await start(test, from, to);
        const { door } = change;
        let held: readonly [Lock, Era] = [from, 'old'];
        for (const file of Object.entries(filesOf(to, 'new'))) {
          const swaps = door.swaps();
          door.write(Object.fromEntries([file]));
          await knockDuring(change, door.untilRead());
          const isGood = (await door.isGood()) === 1;
          assert.equal(door.swaps(), isGood ? swaps + 1 : swaps);
          if (isGood) held = [to, 'new'];
          await knockAt(door.port, ...held);
        }
        assert.equal(await door.isGood(), 1);
        await knockAt(door.port, to, 'new');
      });
    }
  }
});
