#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// argv -> command; the only exit code, the only catch-all.
import { Command, CommanderError } from 'commander';
import { doctor } from './commands/doctor.ts';
import { serve } from './commands/serve.ts';
import { NO_PIN, NO_PIN_HELP, readServeOptions, serveFlags } from './commands/serve-options.ts';
import { version } from './commands/version.ts';

const MECHANISM = '--mechanism <event=name...>';
const MECHANISM_HELP = "measure an event by this mechanism only, or 'off'; repeatable, 'tapscope doctor' lists them";

/** Of these a crash or misuse must not read as a warning (1). */
const CHECKS = ['doctor'];

function program(setExitCode: (code: number) => void): Command {
  const tapscope = new Command('tapscope')
    .description('counts exactly what happens to every packet at the queues of tun, tap and vhost-net devices')
    .version(version())
    .exitOverride();
  const serveCommand = tapscope.command('serve').description('the agent: answers Prometheus').exitOverride();
  for (const { flags, description, fallback } of serveFlags) serveCommand.option(flags, description, fallback);
  serveCommand
    .option(MECHANISM, MECHANISM_HELP, [])
    .action((values) => serve(readServeOptions(values), values.mechanism));
  tapscope
    .command('doctor')
    .description('what can be seen on this host, by which mechanism, and why not by a better one')
    .option('--json', 'for programs', false)
    .option(MECHANISM, MECHANISM_HELP, [])
    .option(NO_PIN, NO_PIN_HELP)
    .exitOverride()
    .action(async (values) =>
      setExitCode(await doctor({ json: values.json, mechanisms: values.mechanism, pin: values.pin })),
    );
  return tapscope;
}

async function main(args: readonly string[]): Promise<void> {
  try {
    await program((code) => {
      process.exitCode = code;
    }).parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return; // --help, --version
    process.exitCode = CHECKS.includes(args[0] ?? '') ? 3 : 1;
    // commander has already said what is wrong with the flags
    if (!(error instanceof CommanderError))
      process.stderr.write(`tapscope: ${error instanceof Error ? error.message : error}\n`);
  }
}

void main(process.argv.slice(2));
