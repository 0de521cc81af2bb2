// SPDX-License-Identifier: Apache-2.0
// How probable it is that chance alone gives what was seen.

/** Lanczos' approximation of the logarithm of the gamma function, g = 7; good to 15 digits for x > 0.5. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

function logGamma(x: number): number {
  const [first = 0, ...others] = LANCZOS;
  const base = x + 6.5;
  const sum = others.reduce((total, coefficient, index) => total + coefficient / (x + index), first);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(base) - base + Math.log(sum);
}

function logChoose(all: number, some: number): number {
  return logGamma(all + 1) - logGamma(some + 1) - logGamma(all - some + 1);
}

/**
 * Fisher's exact test, one side: of `all` units `marked` have a property and `losing` lose packets. The probability that at least `both`
 * units have the property and lose if neither has to do with the other (the hypergeometric distribution's upper tail).
 */
export function fisherTail(all: number, marked: number, losing: number, both: number): number {
  const most = Math.min(marked, losing);
  let tail = 0;
  for (let count = both; count <= most; count++) {
    if (losing - count > all - marked) continue;
    tail += Math.exp(logChoose(marked, count) + logChoose(all - marked, losing - count) - logChoose(all, losing));
  }
  return Math.min(1, tail);
}

/** The upper tail of the normal distribution (Abramowitz and Stegun 26.2.17; absolute error below 7.5e-8, so never less than that). */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const [a, b, c, d, e] = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
  const polynomial = t * (a + t * (b + t * (c + t * (d + t * e))));
  return (Math.exp(-(z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial;
}
