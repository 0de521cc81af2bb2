// SPDX-License-Identifier: Apache-2.0
// The web config as its files have it now: it, and the certificates that it names, are read again when they change.
import { unwatchFile, watchFile } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { readOperatorFile } from '../../operator-file.ts';
import { noWebConfig, type WebConfig } from './web-config.ts';

export interface LiveWebConfig {
  readonly current: () => WebConfig;
  /** Watches the file from now on; call it once. */
  readonly watch: (listeners: Listeners) => void;
  readonly close: () => void;
}

/** Nothing is configured. */
export const plainHttp: LiveWebConfig = {
  current: () => noWebConfig,
  watch: () => undefined,
  close: () => undefined,
};

interface Listeners {
  readonly changed: (config: WebConfig) => void;
  /** A change that cannot be used; what was before stays. */
  readonly refused: (sentence: string) => void;
}

const watchEveryMs = 1000;

/** Throws one sentence if it cannot be used. `file` undefined: nothing is configured. */
export async function openWebConfig(file: string | undefined): Promise<LiveWebConfig> {
  if (file === undefined) return plainHttp;
  // The YAML library takes 3.6 MB and 20 ms at start, which an agent without a config does not spend.
  const { parseWebConfig, filesNamedIn } = await import('./parser.ts');
  const parser = { parseWebConfig, filesNamedIn };
  const first = await load(file, parser);
  if (first.config === undefined) throw new Error(first.problem);
  let current = first.config;
  let watched: readonly string[] = [];
  let reload = (): void => undefined;

  // Compares times and inodes: it sees a replaced file, and one behind a link, which is how Kubernetes mounts secrets.
  function follow(files: readonly string[]): void {
    for (const name of watched) if (!files.includes(name)) unwatchFile(name, reload);
    for (const name of files) {
      if (!watched.includes(name)) watchFile(name, { interval: watchEveryMs, persistent: false }, reload);
    }
    watched = files;
  }

  function watch({ changed, refused }: Listeners): void {
    const renew = async (): Promise<void> => {
      const next = await load(file ?? '', parser);
      follow(next.files);
      const problem = next.problem ?? needsRestart(current, next.config);
      if (problem !== undefined) refused(`${problem} What was configured before stays in use.`);
      else if (next.config !== undefined) {
        current = next.config;
        changed(current);
      }
    };
    // One after another: what changes while one reads is read after it.
    let reading: Promise<void> = Promise.resolve();
    let isAsked = false;
    reload = () => {
      if (isAsked) return;
      isAsked = true;
      reading = reading.then(() => {
        isAsked = false;
        return renew();
      });
    };
    follow(first.files);
  }

  return { current: () => current, watch, close: () => follow([]) };
}

interface Loaded {
  readonly files: readonly string[];
  readonly config?: WebConfig;
  readonly problem?: string;
}

interface Parser {
  readonly parseWebConfig: (text: string, readFile: (key: string, name: string) => string) => WebConfig;
  readonly filesNamedIn: (text: string) => readonly string[];
}

async function load(file: string, { parseWebConfig, filesNamedIn }: Parser): Promise<Loaded> {
  const files = [file];
  try {
    const text = await readOperatorFile(file);
    const read = new Map<string, string | Error>();
    for (const name of filesNamedIn(text)) {
      const path = resolve(dirname(file), name);
      files.push(path);
      read.set(name, await readOperatorFile(path).catch((error: Error) => error));
    }
    const take = (key: string, name: string): string => {
      const found = read.get(name) ?? '';
      if (typeof found === 'string') return found;
      throw new Error(`${key}: ${resolve(dirname(file), name)} cannot be read (${found.message})`, { cause: found });
    };
    return { files, config: parseWebConfig(text, take) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    return { files, problem: `cannot use --web.config.file=${file}: ${reason}.` };
  }
}

/** Sockets that listen already do not change what they speak. */
function needsRestart(before: WebConfig, now: WebConfig | undefined): string | undefined {
  const tlsStays = (before.tls === undefined) === (now?.tls === undefined);
  if (tlsStays && before.tls?.asksClients === now?.tls?.asksClients) return undefined;
  return 'turning TLS, or the question for certificates of clients, on or off needs a restart.';
}
