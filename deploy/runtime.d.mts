// SPDX-License-Identifier: Apache-2.0
// What tests ask of runtime.mjs.
export const runtime: { readonly debian: string; readonly node: string; readonly triedOn: readonly string[] };
export class NoNode extends Error {}
export function provideNode(version?: string, architecture?: string): string;
