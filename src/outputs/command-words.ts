// SPDX-License-Identifier: Apache-2.0
// The command line, as completion and the manual page need it.

export interface OptionModel {
  /** '-n, --count <number>' */
  readonly flags: string;
  readonly names: readonly string[];
  readonly description: string;
  readonly fallback: string | undefined;
  readonly takesValue: boolean;
}

export interface ArgumentModel {
  readonly name: string;
  readonly required: boolean;
  readonly description: string;
  readonly choices: readonly string[];
}

export interface CommandModel {
  readonly name: string;
  readonly description: string;
  readonly arguments: readonly ArgumentModel[];
  readonly options: readonly OptionModel[];
}

export interface ProgramModel {
  readonly name: string;
  readonly description: string;
  readonly commands: readonly CommandModel[];
  /** Arguments of `explain`. */
  readonly rules: readonly string[];
}

/** Kind of an argument or value, for completion. */
type Kind = 'device' | 'rule' | 'file' | 'words' | 'other';

export function kindOf({ name, choices }: ArgumentModel): Kind {
  if (choices.length > 0) return 'words';
  return name === 'device' || name === 'rule' || name === 'file' ? name : 'other';
}

/** '<file>' of '-o, --output <file>' says what the value is. */
export function valueKindOf({ flags }: OptionModel): Kind {
  const value = /<([\w-]+)(?:\.\.\.)?>/.exec(flags)?.[1];
  return value === 'device' || value === 'file' ? value : 'other';
}
