// SPDX-License-Identifier: Apache-2.0
// The command line as plain data, from commander's own: help, completion and the manual page cannot disagree.
import type { Command } from 'commander';
import { RULES } from '../diagnosis/all-rules.ts';
import type { CommandModel, ProgramModel } from '../outputs/command-words.ts';

export function modelOf(program: Command): ProgramModel {
  return {
    name: program.name(),
    description: program.description(),
    commands: program.commands.map(commandModel),
    rules: RULES.map(({ name }) => name),
  };
}

function commandModel(command: Command): CommandModel {
  return {
    name: command.name(),
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      required: argument.required,
      description: argument.description,
      choices: argument.argChoices ?? [],
    })),
    options: command.options.map(({ flags, short, long, description, defaultValue, required, optional }) => ({
      flags,
      names: [short, long].filter((name) => name !== undefined),
      description,
      fallback: typeof defaultValue === 'string' ? defaultValue : undefined,
      takesValue: required || optional,
    })),
  };
}
