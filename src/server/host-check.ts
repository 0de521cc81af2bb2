// SPDX-License-Identifier: Apache-2.0
// Refuses requests that other web sites cause: by DNS rebinding, or from their own pages.
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { escapedJson } from '../snapshot/visible.ts';

interface Refusal {
  readonly status: 403 | 421;
  /** One sentence. */
  readonly line: string;
}

export type HostCheck = (
  headers: IncomingHttpHeaders,
  /** A certificate or a password keeps such names away: no site has this server's certificate, and a browser sends no password there. */
  isProtected: boolean,
) => Refusal | undefined;

const HOST = /^(?:\[(?<address>[^\]]*)\]|(?<name>[^:[\]/@?#\s]+))(?::\d{1,5})?$/;
/** Characters that are shown of a host name: a stranger chose it. */
const SHOWN = 100;

const FROM_ELSEWHERE: Refusal = {
  status: 403,
  line: 'A page of another web site asked for this; only pages of this server may. Open it in the browser itself, or ask with another program.',
};

/** `names`: of --web.allowed-host and of this host; '*': any. Addresses, localhost and names below it need no entry. */
export function createHostCheck(names: readonly string[]): HostCheck {
  const known = new Set(names.map(plain));

  function isKnown(name: string): boolean {
    return isIP(name) > 0 || name === 'localhost' || name.endsWith('.localhost') || known.has(name) || known.has('*');
  }

  function isOwn(origin: string, host: string | undefined): boolean {
    const [, scheme, from = ''] = /^(https?):\/\/(.+)$/i.exec(origin) ?? [];
    if (scheme === undefined) return false;
    // A proxy before this server keeps its own name for itself.
    return from.toLowerCase() === host?.toLowerCase() || known.has(nameOf(from) ?? '');
  }

  return ({ host, origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': use }, isProtected) => {
    // A link may lead here.
    const isLink = mode === 'navigate' && use === 'document';
    if ((site === 'cross-site' || site === 'same-site') && !isLink) return FROM_ELSEWHERE;
    if (origin !== undefined && !isOwn(origin, host)) return FROM_ELSEWHERE;
    // Every browser names the host that it asks; HTTP/1.0 of a load balancer does not.
    if (isProtected || host === undefined) return undefined;
    const name = nameOf(host);
    return name !== undefined && isKnown(name) ? undefined : unknown(name ?? host);
  };
}

function nameOf(host: string): string | undefined {
  const { address, name } = HOST.exec(host)?.groups ?? {};
  return address ?? (name && plain(name));
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function unknown(name: string): Refusal {
  const shown = escapedJson(JSON.stringify(name.slice(0, SHOWN)));
  return {
    status: 421,
    line: `This server does not know itself as ${shown}: ask it by its address, or start it with --web.allowed-host=NAME.`,
  };
}
