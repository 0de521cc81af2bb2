#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// dist/src/main.js and dist/src/serving.js: each runs its bundle, main.cjs or serving.cjs, with the bytecode that was kept of it, for compiling it is half of what a start takes.
// Bytecode of other flags V8 refuses and compiles anew. It takes that of some other Nodes too and crashes: so the file is named after its Node (deploy/bytecode.mjs).
// A package that was made for another architecture has none.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

// SIGUSR1 makes Node open its debugger on 127.0.0.1:9229, where every user of the host could run code with our rights. With a handler it does not.
process.on('SIGUSR1', () => undefined);
const require = createRequire(import.meta.url);
// One that a signal, or NODE_OPTIONS, opened before this line.
if (process.features.inspector) require('node:inspector').close();

const filename = fileURLToPath(import.meta.url.replace(/\.js$/, '.cjs'));
const bytecode = `${filename}.${process.version}-${process.arch}.bytecode`;
const cachedData = existsSync(bytecode) ? readFileSync(bytecode) : undefined;
// The bundle is ASCII: latin1 spares looking for anything else.
const program = new Script(readFileSync(filename, 'latin1'), { filename, cachedData });
program.runInThisContext()(require, import.meta.url);
