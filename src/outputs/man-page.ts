// SPDX-License-Identifier: Apache-2.0
// The manual page, in the macros of man(7).
import type { CommandModel, ProgramModel } from './command-words.ts';

export function manPage({ name, description, commands }: ProgramModel, version: string): string {
  return `.\\" Made by '${name} completion man'.
.TH ${name.toUpperCase()} 8 "" "${name} ${version}"
.SH NAME
${name} \\- ${roff(description)}
.SH SYNOPSIS
${commands.map((command) => `.B ${roff(`${name} ${command.name}`)}\n${roff(synopsis(command))}`).join('\n.br\n')}
.SH DESCRIPTION
${roff(name)} watches the queues of tun, tap and vhost-net devices, in all network namespaces, and tells which of them loses
or delays packets, why, and what to type. It never changes the host; only
.B bench
makes devices, of its own in a network namespace of its own, and loads the CPUs meanwhile.
.SH COMMANDS
${commands.map((command) => commandSection(name, command)).join('\n')}
.SH EXIT STATUS
.BR check ,
.B diagnose
and
.B report
end with 0 when all is well, 1 for a warning, 2 for something critical, and 3 when that is not known, or the command failed.
.B doctor
ends with 0 when everything is measured by the best mechanism, with 1 when some of it is measured by a fallback, and with 3
when something is not measured at all or the command failed. Other commands end with 0, or with 1 when they failed,
.B bench
also when its counters differ from those of the other programs,
.B record
also when the agent was gone at the end and the file holds what was seen before.
.SH ENVIRONMENT
.TP
.B NO_COLOR
If it is set and not empty, nothing is coloured, and no name of a rule is a hyperlink. Nor is it where the output is no terminal.
.SH FILES
.TP
.I /etc/default/tapscope
.B ARGS
holds the flags of the agent that
.B tapscope.service
runs.
.SH SEE ALSO
.BR systemctl (1),
.BR ip\\-link (8),
.BR tc (8)
`;
}

function synopsis({ arguments: given, options }: CommandModel): string {
  const names = given.map(({ name, required }) => (required ? name : `[${name}]`));
  return [...names, ...(options.length > 0 ? ['[flags]'] : [])].join(' ');
}

function commandSection(name: string, command: CommandModel): string {
  const options = command.options.map(
    ({ flags, description, fallback }) =>
      `.TP\n.B ${roff(flags)}\n${roff(sentence(description + (fallback === undefined ? '' : ` (default: ${fallback})`)))}`,
  );
  return [
    `.SS ${roff(`${name} ${command.name} ${synopsis(command)}`.trim())}`,
    roff(sentence(command.description)),
    ...options,
  ].join('\n');
}

function sentence(text: string): string {
  const [first = ''] = text;
  return `${first.toUpperCase()}${text.slice(1)}.`;
}

/** Nothing is a macro or an escape, a hyphen is what is typed, and all is ASCII. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(['.])/gm, '\\&$1')
    .replace(/[^\p{ASCII}]/gu, (letter) => `\\[u${hexOf(letter)}]`);
}

function hexOf(letter: string): string {
  return (letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
}
