// SPDX-License-Identifier: Apache-2.0
// --device-include and --device-exclude: regular expressions that a device's whole name must match, or must not.

/** Is a device of this name shown? */
export type DeviceFilter = (name: string) => boolean;

/** Anchored on both sides, as node_exporter's flags of this kind. */
export function deviceFilter(include: string | undefined, exclude: string | undefined): DeviceFilter {
  const included = include === undefined ? undefined : compile('--device-include', include);
  const excluded = exclude === undefined ? undefined : compile('--device-exclude', exclude);
  return (name) => (included?.test(name) ?? true) && !(excluded?.test(name) ?? false);
}

function compile(flag: string, pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`);
  } catch (cause) {
    throw new Error(
      `${flag}=${pattern} is not a regular expression; quote it for the shell, for example '${flag}=tap.*'.`,
      { cause },
    );
  }
}
