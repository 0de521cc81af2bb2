// SPDX-License-Identifier: Apache-2.0
// A table before it is text, markdown or a document's box.

export interface Table {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}
