// SPDX-License-Identifier: Apache-2.0
// A button that copies a text, and says that it did.
import { element, say } from './element.ts';

const THANKS_MS = 2000;

export function copyButton(label: string, textOf: () => string): HTMLButtonElement {
  const word = element('span', { role: 'status' }, label);
  const button = element('button', { type: 'button', class: 'copy' }, word);
  button.addEventListener('click', async (event) => {
    event.preventDefault();
    say(word, (await copied(textOf())) ? 'Copied' : 'Mark it and press Ctrl+C');
    setTimeout(() => say(word, label), THANKS_MS);
  });
  return button;
}

/** Browsers have a clipboard for https and localhost only; over plain http the old way is left. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = document.activeElement;
    const area = element('textarea', { class: 'unseen', 'aria-hidden': 'true' });
    area.value = text;
    document.body.append(area);
    area.select();
    const isDone = document.execCommand('copy');
    area.remove();
    if (focused instanceof HTMLElement) focused.focus();
    return isDone;
  }
}
