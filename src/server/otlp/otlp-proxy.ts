// SPDX-License-Identifier: Apache-2.0
// The proxy by which a collector is reached, by Node.js' own switch and variables (NODE_USE_ENV_PROXY=1; HTTPS_PROXY, HTTP_PROXY, NO_PROXY).
// Node.js obeys them from 22.21 and 24.5 on, and where a request has an agent of its own, only if that is given them.

/** A name's address may come by TCP. */
export const DNS_PORT = 53;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

type Variables = Readonly<Record<string, string | undefined>>;

export interface OtlpProxy {
  /** As Node.js takes it (http.Agent's proxyEnv): the proxy, and which hosts are reached without one. */
  readonly variables: Readonly<Record<string, string>>;
  readonly port: number;
}

/** undefined: none is set, or this Node.js knows of none. Throws one sentence. */
export function otlpProxy(
  collector: URL,
  variables: Variables = process.env,
  isKnown = process.allowedNodeEnvironmentFlags.has('--use-env-proxy'),
): OtlpProxy | undefined {
  if (!isKnown || variables.NODE_USE_ENV_PROXY !== '1') return undefined;
  const name = collector.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const proxy = variables[name.toLowerCase()] || variables[name];
  if (!proxy) return undefined;
  const parsed = URL.canParse(proxy) ? new URL(proxy) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    // It may have a password.
    throw new Error(`${name} is not the address of a proxy; write for example ${name}=http://proxy:3128.`);
  const without = variables.no_proxy || variables.NO_PROXY;
  return { variables: { [name]: proxy, ...(without && { NO_PROXY: without }) }, port: portOf(parsed) };
}

/** TCP ports that an exporter connects to. By NO_PROXY the collector may be reached without the proxy. */
export function otlpPorts(url: string, proxy: OtlpProxy | undefined): readonly number[] {
  return [...new Set([DNS_PORT, portOf(new URL(url)), ...(proxy ? [proxy.port] : [])])];
}

function portOf({ port, protocol }: URL): number {
  return Number(port) || (DEFAULT_PORTS[protocol] ?? 0);
}
