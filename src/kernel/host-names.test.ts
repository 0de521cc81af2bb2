// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostNames } from './host-names.ts';

test('the instance is a UUID of version 5 of the machine id, and of the name of the host only where there is none', () => {
  // python3: uuid.uuid5(uuid.UUID('4d63009a-8d0f-11ee-aad7-4c796ed8e320'), 'host1')
  assert.equal(hostNames('host1', '').instanceId, '96d525c0-5e23-53a3-b6ab-21f15465153f');
  assert.equal(hostNames('other', 'host1').instanceId, '96d525c0-5e23-53a3-b6ab-21f15465153f');
});
