// SPDX-License-Identifier: Apache-2.0
// What tests ask of chart.mjs.
export function buildChart(root: string, output: string): string;
