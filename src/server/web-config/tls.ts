// SPDX-License-Identifier: Apache-2.0
// tls_server_config: from the names that Go has for things to those of Node.
import { X509Certificate } from 'node:crypto';
import {
  createSecureContext,
  getCiphers,
  type SecureContextOptions,
  type SecureVersion,
  type TLSSocket,
} from 'node:tls';
import { readFlag, readSection, readText, readTexts, readWord, type Section, shown } from './values.ts';

export interface TlsSettings {
  readonly context: SecureContextOptions;
  /** Clients are asked for a certificate at all. */
  readonly asksClients: boolean;
  readonly requiresClients: boolean;
  /** Certificates that are given must be signed by client_ca_file. */
  readonly checksClients: boolean;
  /** Every client needs a certificate that was checked. */
  readonly verifiesClients: boolean;
  /** One of them must be in the client's certificate; empty: any will do. */
  readonly allowedNames: readonly string[];
}

const where = 'tls_server_config';
export const fileKeys = ['cert_file', 'key_file', 'client_ca_file'];
const keys = [...fileKeys, 'client_auth_type', 'client_allowed_sans', 'min_version'];
const moreKeys = ['max_version', 'cipher_suites', 'prefer_server_cipher_suites', 'curve_preferences'];
const authTypes = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;
const versions: Readonly<Record<string, SecureVersion>> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
};
const curves: Readonly<Record<string, string>> = {
  CurveP256: 'P-256',
  CurveP384: 'P-384',
  CurveP521: 'P-521',
  X25519: 'X25519',
};
/** Go does not let them be chosen, and OpenSSL would have none. */
const suitesOfTls13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/** `readFile` gives the text of a file named in the config. */
export function readTls(value: unknown, readFile: (key: string, name: string) => string): TlsSettings | undefined {
  const section = readSection(value, where, [...keys, ...moreKeys]);
  if (section === undefined || section.size === 0) return undefined;
  const file = (key: string) => {
    const name = readText(section, where, key);
    return name === undefined ? undefined : readFile(`${where}.${key}`, name);
  };
  const [cert, key, ca] = [file('cert_file'), file('key_file'), file('client_ca_file')];
  if (cert === undefined) throw new Error(`${where}.cert_file is missing`);
  if (key === undefined) throw new Error(`${where}.key_file is missing`);
  const clients = readClients(section, ca);
  const context = { cert, key, ...(ca === undefined ? {} : { ca }), ...readProtocol(section) };
  checkContext(context);
  return { context, ...clients };
}

function readClients(section: Section, ca: string | undefined): Omit<TlsSettings, 'context'> {
  const type = readWord(section, where, 'client_auth_type', authTypes) ?? 'NoClientCert';
  const allowedNames = readTexts(section, where, 'client_allowed_sans');
  const requiresClients = type === 'RequireAnyClientCert' || type === 'RequireAndVerifyClientCert';
  const checksClients = type === 'VerifyClientCertIfGiven' || type === 'RequireAndVerifyClientCert';
  if (checksClients && ca === undefined) throw new Error(`${where}.client_ca_file is missing: ${type} needs it`);
  if (type === 'NoClientCert' && ca !== undefined) {
    throw new Error(`${where}.client_ca_file does nothing without client_auth_type: RequireAndVerifyClientCert`);
  }
  if (allowedNames.length > 0 && !requiresClients) {
    throw new Error(`${where}.client_allowed_sans does nothing without client_auth_type: RequireAndVerifyClientCert`);
  }
  const verifiesClients = type === 'RequireAndVerifyClientCert';
  return { asksClients: type !== 'NoClientCert', requiresClients, checksClients, verifiesClients, allowedNames };
}

function readProtocol(section: Section): SecureContextOptions {
  const version = (key: string, fallback: string) =>
    versions[readWord(section, where, key, Object.keys(versions)) ?? fallback];
  const [minVersion = 'TLSv1.2', maxVersion = 'TLSv1.3'] = [
    version('min_version', 'TLS12'),
    version('max_version', 'TLS13'),
  ];
  if (minVersion > maxVersion) throw new Error(`${where}.min_version is above max_version`);
  const suites = readTexts(section, where, 'cipher_suites').map(openSslName);
  const groups = readTexts(section, where, 'curve_preferences').map((name) => {
    const group = curves[name];
    if (group === undefined) throw new Error(`${where}.curve_preferences knows no ${shown(name)}`);
    return group;
  });
  return {
    minVersion,
    maxVersion,
    honorCipherOrder: readFlag(section, where, 'prefer_server_cipher_suites') ?? true,
    ...(suites.length > 0 ? { ciphers: [...suitesOfTls13, ...suites].join(':') } : {}),
    ...(groups.length > 0 ? { ecdhCurve: groups.join(':') } : {}),
  };
}

/** TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 is OpenSSL's ECDHE-RSA-AES128-GCM-SHA256. */
function openSslName(name: string): string {
  const words = name
    .replace('_WITH_', '-')
    .replace(/AES_(\d+)/, 'AES$1')
    .replace('_CBC', '')
    .replace(/^TLS_/, '');
  const suite = words.replaceAll('_', '-').replace(/-POLY1305-SHA256$/, '-POLY1305');
  if (suitesOfTls13.includes(name)) return name;
  if (name.startsWith('TLS_') && getCiphers().includes(suite.toLowerCase())) return suite;
  throw new Error(`${where}.cipher_suites knows no ${shown(name)}`);
}

function checkContext(context: SecureContextOptions): void {
  try {
    createSecureContext(context);
    // OpenSSL takes a file without a certificate for a list of none.
    if (context.ca !== undefined) new X509Certificate(String(context.ca));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : cause;
    throw new Error(
      `${where} does not work: its certificate, key or client CA is broken, or they do not fit (${reason})`,
      {
        cause,
      },
    );
  }
}

/** Uses the current settings: the connection may have been opened with older ones. */
export function acceptsClient(settings: TlsSettings, socket: TLSSocket): boolean {
  const certificate = settings.asksClients ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return !settings.requiresClients;
  if (settings.checksClients && !socket.authorized) return false;
  return (
    settings.allowedNames.length === 0 || namesOf(certificate).some((name) => settings.allowedNames.includes(name))
  );
}

/** `DNS:a.example, IP Address:10.0.0.1, URI:spiffe://b` */
function namesOf({ subjectAltName = '' }: X509Certificate): readonly string[] {
  return subjectAltName.split(', ').map((entry) => entry.replace(/^(DNS|IP Address|URI|email):/, ''));
}
