// SPDX-License-Identifier: Apache-2.0
// What `npm test` leaves to `npm run test:nightly`: it takes long, and what it would find seldom breaks alone.

/** Everything, everywhere, with random numbers from a fresh seed. */
export const isNightly = Boolean(process.env.NIGHTLY);

/** For `test(name, { skip: onlyNightly }, …)`: why it does not run now, or false. */
export const onlyNightly: string | false = isNightly ? false : 'takes long: npm run test:nightly';
