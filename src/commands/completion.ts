// SPDX-License-Identifier: Apache-2.0
// `tapscope completion bash|zsh|man`: what a shell or man(1) is to know of the command line.
import type { Command } from 'commander';
import { bashCompletion, zshCompletion } from '../outputs/completion-script.ts';
import { manPage } from '../outputs/man-page.ts';
import { modelOf } from './command-model.ts';
import { version } from './version.ts';

export function completion(program: Command, kind: string): void {
  const model = modelOf(program);
  const texts = { bash: bashCompletion, zsh: zshCompletion, man: () => manPage(model, version()) };
  if (kind === 'bash' || kind === 'zsh' || kind === 'man') process.stdout.write(texts[kind](model));
}
