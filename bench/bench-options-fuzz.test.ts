// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The flags of `tapscope bench`: values within their limits, or one sentence.
import assert from 'node:assert/strict';
import { constantFrom, dictionary, double, integer, oneof } from 'fast-check';
import { typedWord } from '../test/fuzz/hostile-text.ts';
import { holdsForAll, orSentence } from '../test/fuzz/property.ts';
import { readBenchFlags } from './bench-options.ts';

const number = oneof(
  integer().map(String),
  double().map(String),
  constantFrom('', '-0', '1e3', '0x10', '9'.repeat(400), '.5', '5.', '٣', '0.5', '10s'),
);

holdsForAll(
  'flags of bench',
  dictionary(constantFrom('only', 'seconds', 'repeats'), oneof(typedWord(), number)),
  (given) => {
    const { seconds = 1, repeats = 1 } =
      orSentence(() => readBenchFlags({ format: 'text', seconds: '2', repeats: '3', ...given })) ?? {};
    assert.ok(seconds >= 0.1 && seconds <= 3600 && Number.isInteger(repeats) && repeats >= 1);
  },
  { runs: 1000 },
);
