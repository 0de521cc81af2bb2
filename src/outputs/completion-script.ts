// SPDX-License-Identifier: Apache-2.0
// Completion for bash and zsh. A device's name is foreign text: it is never expanded, and quoted where it is inserted.
import { type CommandModel, kindOf, type OptionModel, type ProgramModel, valueKindOf } from './command-words.ts';

export function bashCompletion({ commands, rules }: ProgramModel): string {
  const names = commands.map(({ name }) => name);
  const values = commands.flatMap(({ name, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map((option) => `    ${patterns(name, option)}) kind=${valueKindOf(option)} ;;`),
  );
  const cases = commands.map(
    (command) => `    ${command.name}) words='${optionNames(command).join(' ')}' kind=${argumentKind(command)} ;;`,
  );
  return `# bash completion of tapscope, made by 'tapscope completion bash'
_tapscope() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} command= words= kind= one path
  for one in "\${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    case $one in ${names.join(' | ')}) command=$one && break ;; esac
  done
  case $command in
    '') words='${[...names, '--help', '--version'].join(' ')}' kind=other ;;
${cases.join('\n')}
  esac
  [[ $word == -* ]] && kind=other
  case $command:$before in
${values.join('\n')}
    *) before= ;;
  esac
  COMPREPLY=()
  # A value of an option is no other option.
  if [[ -z $before ]]; then
    for one in $words; do [[ $one == "$word"* && ( $one != -* || $word == -* ) ]] && COMPREPLY+=("$one"); done
  fi
  case $kind in
    rule) for one in ${rules.join(' ')}; do [[ $one == "$word"* ]] && COMPREPLY+=("$one"); done ;;
    file) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    device)
      for path in /sys/class/net/*/tun_flags /sys/class/net/*/macvtap; do
        [[ -e $path ]] || continue
        one=\${path%/*} one=\${one##*/}
        [[ $one == "$word"* ]] && COMPREPLY+=("$(printf %q "$one")")
      done
      ;;
  esac
}
complete -F _tapscope tapscope
`;
}

/** 'serve:--detail | serve:-d' */
function patterns(command: string, { names }: OptionModel): string {
  return names.map((name) => `${command}:${name}`).join(' | ');
}

function optionNames({ options, arguments: given }: CommandModel): readonly string[] {
  const long = options.flatMap(({ names }) => names.slice(-1));
  return [...given.flatMap(({ choices }) => choices), ...long, '--help'];
}

function argumentKind({ arguments: [first] }: CommandModel): string {
  return first ? kindOf(first) : 'other';
}

export function zshCompletion({ commands, rules }: ProgramModel): string {
  const described = commands.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`);
  const cases = commands.map((command) => {
    const specs = [...command.options.map(optionSpec), ...command.arguments.map((one) => argumentSpec(one))];
    return `    ${command.name}) _arguments ${[...specs, "'--help[explains every flag]'"].join(' \\\n      ')} ;;`;
  });
  return `#compdef tapscope
# zsh completion of tapscope, made by 'tapscope completion zsh'
_tapscope_devices() {
  local -a names=(/sys/class/net/*/tun_flags(N:h:t) /sys/class/net/*/macvtap(N:h:t))
  compadd -a names
}
_tapscope() {
  local -a commands=(
${described.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${cases.join('\n')}
  esac
}
_tapscope_rules() { compadd ${rules.join(' ')} }
if [[ $funcstack[1] == _tapscope ]]; then _tapscope "$@"; else compdef _tapscope tapscope; fi
`;
}

const ZSH_ACTIONS = { device: '_tapscope_devices', rule: '_tapscope_rules', file: '_files', words: '', other: ' ' };

function optionSpec(option: OptionModel): string {
  const { names, description, takesValue } = option;
  const value = takesValue ? `:value:${ZSH_ACTIONS[valueKindOf(option)]}` : '';
  const told = `[${description.replace(/[[\]]/g, '\\$&')}]`;
  const [first = '', ...others] = names;
  if (others.length === 0) return quoted(`*${first}${told}${value}`);
  return `'(${names.join(' ')})'{${names.join(',')}}${quoted(`${told}${value}`)}`;
}

function argumentSpec(argument: CommandModel['arguments'][number]): string {
  const kind = kindOf(argument);
  const action = kind === 'words' ? `(${argument.choices.join(' ')})` : ZSH_ACTIONS[kind];
  return quoted(`${argument.required ? ':' : '::'}${argument.name}:${action}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
