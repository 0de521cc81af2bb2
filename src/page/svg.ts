// SPDX-License-Identifier: Apache-2.0
// Drawn parts: icons whose shape alone tells what they mean, and lines. Hidden from screen readers, for a word stands beside each.

const NAMESPACE = 'http://www.w3.org/2000/svg';

export function svg(
  tag: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: Node[]
): SVGElement {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

export function setPath(node: Element, path: string): void {
  if (node.getAttribute('d') !== path) node.setAttribute('d', path);
}

/** Outlines in a square of 16. */
const SHAPES: Readonly<Record<string, string>> = {
  critical: 'M5.2 1h5.6L15 5.2v5.6L10.8 15H5.2L1 10.8V5.2zM8 4.2v4.6M8 11v1',
  warning: 'M8 1.5 15.2 14H.8zM8 6v4M8 11.6v.8',
  info: 'M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zM8 7v4.6M8 4.2v1',
  ok: 'M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zM4.6 8.2l2.4 2.4 4.4-4.8',
  unknown: 'M8 .8 15.2 8 8 15.2.8 8zM6.2 6.2c.2-2.4 3.6-2 3.4.2-.1 1-1.6 1.2-1.6 2.6M8 10.8v.8',
  ended: 'M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zM4.8 8h6.4',
  stopped: 'M5 2.5v11M11 2.5v11',
  flowing: 'M1.5 8h12M9 3.5 13.5 8 9 12.5',
  idle: 'M8 4.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7z',
};

export function icon(name: string, size = 16): SVGElement {
  const shape = svg('path', { d: SHAPES[name] ?? SHAPES.unknown ?? '' });
  return svg('svg', { class: 'icon', viewBox: '0 0 16 16', width: size, height: size, 'aria-hidden': 'true' }, shape);
}

export function changeIcon(drawn: SVGElement, name: string): void {
  const path = drawn.firstElementChild;
  if (path) setPath(path, SHAPES[name] ?? SHAPES.unknown ?? '');
}
