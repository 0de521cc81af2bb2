// SPDX-License-Identifier: Apache-2.0
// `npm run rpm`: the RPM, in dist/rpm. rpmbuild makes it of deploy/rpm/tapscope.spec and of the staged files.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { installMissing, rpmPackages } from './packages.mjs';
import { prepare } from './prepare.mjs';
import { orSentence } from './runtime.mjs';
import { say } from './step.mjs';
import { answer, licences, oldestNode, packages, root, sourceDate, wrapped } from './system-packages.mjs';

const output = join(root, 'dist/rpm');

function main() {
  if (!installMissing(rpmPackages) || !prepare(root)) return 1;
  rmSync(output, { recursive: true, force: true });
  const [staged, top] = [join(output, 'staged'), join(output, 'top')];
  const { version, summary, text, stage } = packages.tapscope;
  stage(staged);
  const macros = {
    _topdir: top,
    _rpmdir: output,
    _rpmfilename: '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm',
    version_of_source: version,
    summary_of_package: summary.replace(/^./, (letter) => letter.toUpperCase()),
    // A backslash at the end of a line goes on with the macro.
    text_of_package: wrapped(text).replaceAll('\n', '\\\n'),
    licences: licences(),
    oldest_node: oldestNode,
    staged,
  };
  const words = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  answer('rpmbuild', ['-bb', ...words, join(root, 'deploy/rpm/tapscope.spec')], {
    env: { ...process.env, SOURCE_DATE_EPOCH: sourceDate() },
  });
  for (const folder of [staged, top]) rmSync(folder, { recursive: true });
  for (const file of readdirSync(output)) say(`built dist/rpm/${file}`);
  return 0;
}

process.exitCode = orSentence(main);
