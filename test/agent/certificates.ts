// SPDX-License-Identifier: Apache-2.0
// Certificates for tests, made by openssl: an authority, and what it signs.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface KeyPair {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

interface Authority extends KeyPair {
  /** `names`: of its subjectAltName, as openssl writes them: DNS:localhost,IP:127.0.0.1. */
  issue(name: string, names: string): KeyPair;
}

/** A folder that goes with the test. */
export function temporaryFolder(t: { after(undo: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function makeAuthority(folder: string, name: string): Authority {
  const self = pair(folder, name);
  openssl('req', '-x509', ...newKey(self), '-out', self.certFile, '-days', '2', '-subj', `/CN=${name}`);
  return {
    ...read(self),
    issue: (subject, names) => {
      const issued = pair(folder, subject);
      const request = join(folder, `${subject}.request`);
      const extensions = join(folder, `${subject}.extensions`);
      writeFileSync(extensions, `subjectAltName=${names}\n`);
      openssl('req', ...newKey(issued), '-out', request, '-subj', `/CN=${subject}`);
      const signer = ['-CA', self.certFile, '-CAkey', self.keyFile, '-CAcreateserial', '-extfile', extensions];
      openssl('x509', '-req', '-in', request, '-out', issued.certFile, '-days', '2', ...signer);
      return read(issued);
    },
  };
}

type Files = Pick<KeyPair, 'certFile' | 'keyFile'>;

function pair(folder: string, name: string): Files {
  return { certFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) };
}

function newKey({ keyFile }: Files): readonly string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile];
}

function read(files: Files): KeyPair {
  return { ...files, cert: readFileSync(files.certFile, 'utf8'), key: readFileSync(files.keyFile, 'utf8') };
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
