// SPDX-License-Identifier: Apache-2.0
// node deploy/bundle.mjs FOLDER: the program as FOLDER/main.js, its second process as FOLDER/serving.js, and beside each, in one file, all of its sources and packages, with
// their bytecode; agent.cjs is what `tapscope serve` needs of main.cjs. Finding, reading and compiling three hundred files was half of a start. FOLDER/bench.cjs is what `tapscope bench` and `tapscope demo` load.
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keepBytecode } from './bytecode.mjs';

const self = fileURLToPath(import.meta.url);
const root = join(dirname(self), '..');

/** Packages that stay outside, for they find their addon by their own place. */
export const unbundled = ['bcrypt'];

/** What an agent would hold in memory for months and never run: other commands, and the rules. They are bundled as nothing. */
const withoutOtherCommands = {
  name: 'without-other-commands',
  setup(build) {
    const filter =
      /^\.\/commands\/(check|completion|diagnose|doctor|drops|explain|fleet|record|report|top|whatif)\.ts$/;
    build.onResolve({ filter }, ({ path, importer }) =>
      importer === join(root, 'src/main.ts') ? { path, namespace: 'nothing' } : undefined,
    );
    build.onLoad({ filter: /^/, namespace: 'nothing' }, () => ({ contents: 'module.exports = {}' }));
  },
};

/** The program; what of it serves; and the process of `tapscope serve` that has no rights: it has the metrics of the subjects, and nothing that loads programs. */
const bundles = [
  { name: 'main', source: 'src/main.ts' },
  { name: 'agent', source: 'src/main.ts', plugins: [withoutOtherCommands] },
  { name: 'serving', source: 'src/serving.ts' },
];

/** deploy/entry.mjs, which chooses the bundle. */
const entries = ['main', 'serving'];

const options = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  external: unbundled,
  // The text stays in memory; names stay for those who read a stack.
  minifyWhitespace: true,
  minifySyntax: true,
  define: { 'import.meta.url': 'mainUrl' },
  logLevel: 'warning',
  write: false,
};

async function bundle(folder) {
  const { build, buildSync } = await import('esbuild');
  for (const { name, source, plugins } of bundles) {
    const { outputFiles } = await build({
      ...options,
      entryPoints: [source],
      plugins,
      alias: {
        // commander's own, for commands that are programs; tapscope has none.
        'node:child_process': 'data:text/javascript,',
        // fastify makes one of each at its start: src/server/validation.ts has the first, and no route uses the other.
        '@fastify/ajv-compiler': 'data:text/javascript,module.exports=()=>undefined',
        '@fastify/fast-json-stringify-compiler': 'data:text/javascript,module.exports=()=>undefined',
      },
      // require() in place of import(), which V8 does not offer to a script with bytecode.
      supported: { 'dynamic-import': false },
      // Called by deploy/entry.mjs.
      banner: { js: '(function (require, mainUrl) {' },
      footer: { js: '})' },
    });
    writeFileSync(join(folder, `${name}.cjs`), toAscii(outputFiles[0].text));
  }
  for (const name of entries) {
    copyFileSync(join(root, 'deploy/entry.mjs'), join(folder, `${name}.js`));
    chmodSync(join(folder, `${name}.js`), 0o755);
  }
  const bench = await build({
    ...options,
    entryPoints: ['bench/main.ts'],
    banner: { js: "const mainUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
  writeFileSync(join(folder, 'bench.cjs'), toAscii(bench.outputFiles[0].text));
  bundlePage(buildSync, join(folder, 'page'));
  for (const { name } of bundles) keepBytecode(join(folder, `${name}.cjs`));
}

/** The page for browsers; it loads nothing from other sites. */
function bundlePage(buildSync, folder) {
  buildSync({
    absWorkingDir: root,
    entryPoints: ['src/page/page.ts', 'src/page/page.css'],
    outdir: folder,
    bundle: true,
    platform: 'browser',
    target: 'es2022',
    format: 'esm',
    minify: true,
    logLevel: 'warning',
  });
  copyFileSync(join(root, 'src/page/page.html'), join(folder, 'page.html'));
}

/** esbuild escapes only strings. Other characters, in regular expressions and comments, would take V8 two bytes each. */
function toAscii(text) {
  return text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

if (process.argv[1] === self) await bundle(resolve(process.argv[2]));
