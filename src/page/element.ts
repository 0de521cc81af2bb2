// SPDX-License-Identifier: Apache-2.0
// Elements with text, never with markup: what a device is called cannot become part of the page.

type Child = Node | string;

/** `attributes`: undefined and false are left out, true is the bare name. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | number | boolean | undefined>>,
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : String(value));
  made.append(...children);
  return made;
}

/** Writing what is there already would make the browser lay it out again; a new text each time would leave the old ones lying about. */
export function say(node: HTMLElement, text: string): void {
  const { firstChild } = node;
  if (!(firstChild instanceof Text)) node.textContent = text;
  else if (firstChild.data !== text) firstChild.data = text;
}

/** The same, of a class. */
export function mark(node: HTMLElement, className: string): void {
  if (node.className !== className) node.className = className;
}

/** Makes the children these, and touches none that is in its place already, nor the one that has the focus: moved, it would lose it. */
export function place(parent: HTMLElement, children: readonly HTMLElement[]): void {
  children.forEach((child, index) => {
    if (parent.children[index] === child) return;
    if (child.parentElement === parent && child.contains(document.activeElement)) clearWay(parent, child, index);
    else parent.insertBefore(child, parent.children[index] ?? null);
  });
  while (parent.children.length > children.length) parent.lastElementChild?.remove();
}

/** Moves the nodes from `index` up to `child` to the end; each is placed in its own turn. */
function clearWay(parent: HTMLElement, child: HTMLElement, index: number): void {
  for (let other = parent.children[index]; other && other !== child; other = parent.children[index])
    parent.append(other);
}
