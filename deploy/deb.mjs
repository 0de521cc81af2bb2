// SPDX-License-Identifier: Apache-2.0
// `npm run deb`: the Debian packages, in dist/deb; `npm run deb -- tapscope`: that one. debhelper makes them of deploy/debian and of the staged files.
import { cpSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installMissing, packagingPackages } from './packages.mjs';
import { prepare } from './prepare.mjs';
import { orSentence } from './runtime.mjs';
import { say } from './step.mjs';
import { answer, maintainer, oldestNode, packages, root, sourceDate, wrapped } from './system-packages.mjs';

const output = join(root, 'dist/deb');
const debian = join(output, 'source/debian');

function main(wanted) {
  if (!installMissing(packagingPackages) || !prepare(root)) return 1;
  rmSync(output, { recursive: true, force: true });
  cpSync(join(root, 'deploy/debian'), debian, { recursive: true });
  writeFileSync(join(debian, 'changelog'), changelog());
  for (const name of Object.keys(packages))
    if (wanted.length === 0 || wanted.includes(name)) build(name, packages[name], join(debian, name));
  rmSync(join(output, 'source'), { recursive: true });
  for (const file of readdirSync(output)) say(`built dist/deb/${file}`);
  return 0;
}

function build(name, { version, summary, text, unit, stage }, tree) {
  const helper = (program, ...args) =>
    answer(program, [`-p${name}`, ...args], {
      cwd: join(debian, '..'),
      env: { ...process.env, SOURCE_DATE_EPOCH: sourceDate() },
    });
  stage(tree);
  helper('dh_installchangelogs');
  helper('dh_lintian');
  helper('dh_compress', '-X.md', '-X.json', '-XLICENSE');
  if (unit) {
    // Debian 12's debhelper looks for units in /lib alone.
    symlinkSync('usr/lib', join(tree, 'lib'));
    helper('dh_installsystemd', unit);
    rmSync(join(tree, 'lib'));
  }
  helper('dh_installdeb');
  helper('dh_shlibdeps', '--', '--warnings=0');
  const variables = { 'node:Oldest': oldestNode, Summary: summary, Text: wrapped(text) };
  const words = Object.entries(variables).map(([variable, value]) => `-V${variable}=${value}`);
  helper('dh_gencontrol', '--', `-v${version}`, `-DMaintainer=${maintainer}`, ...words);
  helper('dh_md5sums');
  // Debian's own compression. The default level, 6, takes a minute for Node and saves a twentieth.
  helper('dh_builddeb', `--destdir=${output}`, '--', '-Zxz', '-z3');
}

function changelog() {
  const day = new Date(1000 * Number(sourceDate())).toUTCString().replace('GMT', '+0000');
  return `tapscope (${packages.tapscope.version}) unstable; urgency=medium\n\n  * NEWS.gz says what changed.\n\n -- ${maintainer}  ${day}\n`;
}

process.exitCode = orSentence(() => main(process.argv.slice(2)));
