// SPDX-License-Identifier: Apache-2.0
// --device-include and --device-exclude: regular expressions that a device's whole name must match, or must not.

import { RE2JS } from 're2js';

/** Is a device of this name shown? */
export type DeviceFilter = (name: string) => boolean;

/** Anchored on both sides, as node_exporter's flags of this kind. In linear time, whatever the pattern and the name. */
export function deviceFilter(include: string | undefined, exclude: string | undefined): DeviceFilter {
  const included = include === undefined ? undefined : compile('--device-include', include);
  const excluded = exclude === undefined ? undefined : compile('--device-exclude', exclude);
  return (name) => (included?.matches(name) ?? true) && !(excluded?.matches(name) ?? false);
}

function compile(flag: string, pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/^error parsing regexp: /, '') : String(cause);
    throw new Error(
      `${flag}=${pattern} is not a regular expression of RE2, as Prometheus has them (${reason}); quote it for the shell, for example '${flag}=tap.*'.`,
      { cause },
    );
  }
}
