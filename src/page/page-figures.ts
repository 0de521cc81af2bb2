// SPDX-License-Identifier: Apache-2.0
// Figures where there is room: in full up to 99 999, then in few signs.
import { short } from '../outputs/short-figures.ts';

/** 0, 0.3, 999, 12 345, 123k; – is not measured. */
export function figure(number: number | undefined): string {
  if (number === undefined || number >= 99_999.5) return short(number);
  const digits = number > 0 && number < 9.95 ? Number(number.toFixed(1)).toString() : number.toFixed(0);
  return digits.replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** '3.4 % of what was offered'. Packets that were counted in different ways make no share: which ones, a level or a kernel decides. */
export function shareLost(lost: number | undefined, offered: number | undefined): string {
  if (lost === undefined) return 'not measured';
  if (offered === undefined) return 'of how many is not measured';
  if (offered === 0) return lost === 0 ? 'nothing was offered' : 'offered a second before';
  return lost > offered
    ? `${figure(offered)} were offered this second`
    : `${share(lost / offered)} of what was offered`;
}

/** 0 %, under 0.1 %, 3.4 %, 41 %. */
export function share(part: number | undefined): string {
  if (part === undefined) return '–';
  const hundredths = 100 * part;
  if (hundredths > 0 && hundredths < 0.1) return 'under 0.1 %';
  return `${hundredths > 0 && hundredths < 9.95 ? Number(hundredths.toFixed(1)) : Math.round(hundredths)} %`;
}
