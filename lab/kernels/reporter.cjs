// SPDX-License-Identifier: Apache-2.0
// node:test wants a reporter as what a module is as a whole; all else here is imported by name.
module.exports = require('./guest-reporter.ts').reportTests;
