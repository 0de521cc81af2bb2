// SPDX-License-Identifier: Apache-2.0
// Output of the demo for a fault: the story, then the answers of check and diagnose.
import { type Checked, type Item, renderCheck } from './check-text.ts';
import { counted, type Layout, paint, wrap } from './terminal-text.ts';
import { renderVerdict } from './verdict.ts';

export interface DemoFault {
  readonly name: string;
  readonly device: string;
  readonly story: string;
  /** '1 of 5' */
  readonly place: string;
}

export function renderDemo(
  { name, device, story, place }: DemoFault,
  checked: Checked,
  items: readonly Item[],
  layout: Layout,
): string {
  const head = wrap(`Fault ${place}, ${name}: ${story}`, layout.width).map((row) => paint(layout, 'bold', row));
  return [
    `${head.join('\n')}\n`,
    `# tapscope check ${device}\n${renderCheck(checked, items, layout)}`,
    `# tapscope diagnose ${device}\n${renderVerdict(checked, layout)}\n`,
  ].join('\n');
}

export function renderDemoEnd(faults: number, missed: readonly string[]): string {
  const found =
    missed.length === 0
      ? `${counted(faults, 'fault')} played, each found by its rule.`
      : `${counted(faults, 'fault')} played, not found: ${missed.join(', ')}.`;
  return `${found} The taps are gone; 'tapscope check' looks at this host's own.\n`;
}
