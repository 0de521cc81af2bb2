// SPDX-License-Identifier: Apache-2.0
// The web config in the process that serves, which may not read root's files: the other process reads them and sends what they say.
import type { LiveWebConfig } from './file.ts';
import type { WebConfig } from './web-config.ts';

/** Maps as lists of pairs. */
export type WebConfigJson = Omit<WebConfig, 'users' | 'headers'> & {
  readonly users: Pairs;
  readonly headers: Pairs;
};

type Pairs = readonly (readonly [string, string])[];
type Listeners = Parameters<LiveWebConfig['watch']>[0];

export function webConfigToJson(config: WebConfig): WebConfigJson {
  return { ...config, users: [...config.users], headers: [...config.headers] };
}

export class RemoteWebConfig implements LiveWebConfig {
  #current: WebConfig;
  #listeners: Listeners | undefined;

  constructor(first: WebConfigJson) {
    this.#current = fromJson(first);
  }

  readonly current = (): WebConfig => this.#current;

  readonly watch = (listeners: Listeners): void => {
    this.#listeners = listeners;
  };

  readonly close = (): void => {
    this.#listeners = undefined;
  };

  change(config: WebConfigJson): void {
    this.#current = fromJson(config);
    this.#listeners?.changed(this.#current);
  }

  refuse(sentence: string): void {
    this.#listeners?.refused(sentence);
  }
}

function fromJson(config: WebConfigJson): WebConfig {
  return { ...config, users: new Map(config.users), headers: new Map(config.headers) };
}
