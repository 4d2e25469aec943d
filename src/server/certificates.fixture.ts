import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface CertificateOptions {
  /** `subjectAltName` as OpenSSL writes it; default: this machine's loopback. */
  readonly names?: string;
  /** The days until it expires; negative: it expired so many days ago. Default 2. */
  readonly days?: number;
}

/** The files of a certificate and its key. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A test's own authority, made with the machine's OpenSSL in a temporary folder. */
export interface Authority {
  readonly folder: string;
  readonly caFile: string;
  /** Issues a certificate for a server or a client; `name` becomes the name of its files and its subject. */
  issue(name: string, options?: CertificateOptions): Promise<Certificate>;
  read(file: string): Promise<string>;
  remove(): Promise<void>;
}

const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export async function createAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'certificates-'));
  const path = (file: string): string => join(folder, file);
  const openssl = (...args: readonly string[]): Promise<unknown> => run('openssl', args, { cwd: folder });
  await openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-days',
    '2',
    '-subj',
    '/CN=test authority',
  );
  return {
    folder,
    caFile: path('ca.crt'),
    async issue(name, { names = 'DNS:localhost,IP:127.0.0.1', days = 2 } = {}) {
      await openssl('req', '-new', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
      await writeFile(path(`${name}.ext`), `subjectAltName=${names}\nbasicConstraints=critical,CA:FALSE\n`);
      const signer = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', `${name}.ext`];
      await openssl('x509', '-req', '-in', `${name}.csr`, ...signer, '-days', String(days), '-out', `${name}.crt`);
      return { certFile: path(`${name}.crt`), keyFile: path(`${name}.key`) };
    },
    read: (file) => readFile(file, 'utf8'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
