// SPDX-License-Identifier: Apache-2.0
// `npm run deb`: the Debian packages, in dist/deb; `npm run deb -- tapscope`: that one. Plain dpkg-deb: there is nothing to compile here that `make` has not compiled.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { buildPackage, maintainer, sharedLibraries } from './deb-file.mjs';
import { copyLicence, copyModule, productionModules } from './modules.mjs';
import { installMissing, packagingPackages } from './packages.mjs';
import { prepare } from './prepare.mjs';
import { keepShippedBytecode, orSentence, provideNode, runtime } from './runtime.mjs';
import { say } from './step.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const output = join(root, 'dist/deb');
const read = (path) => readFileSync(join(root, path), 'utf8');
const description = JSON.parse(read('package.json'));

const library = 'usr/lib/tapscope';
const documents = 'usr/share/doc/tapscope';
const units = ['tapscope.service', 'tapscope-serving.socket', 'tapscope-serving@.service'];
/** Files for Prometheus, Alertmanager and Grafana, and the pages that alerts link to, by their path in the package. */
const monitoring = {
  'dashboards/json': 'usr/share/tapscope/dashboards',
  'dashboards/rules': 'usr/share/tapscope/prometheus/rules',
  'deploy/prometheus/prometheus.yml': 'usr/share/tapscope/prometheus/prometheus.yml',
  'deploy/alertmanager/alertmanager.yml': 'usr/share/tapscope/alertmanager/alertmanager.yml',
  'docs/rules.md': `${documents}/rules.md`,
  'docs/runbooks': `${documents}/runbooks`,
  'docs/schema': `${documents}/schema`,
};

function main(wanted) {
  if (!installMissing(packagingPackages) || !prepare(root)) return 1;
  rmSync(output, { recursive: true, force: true });
  for (const [name, make] of Object.entries({ tapscope, 'tapscope-node': ownNode }))
    if (wanted.length === 0 || wanted.includes(name)) say(`built ${join('dist/deb', basename(make()))}`);
  return 0;
}

function tapscope() {
  const stage = join(output, 'tapscope');
  const put = (to, content, mode) => putFile(join(stage, to), content, mode);
  const natives = [
    'dist/bpf/tapscope.bpf.o',
    'dist/bpf/follow.bpf.o',
    'dist/bpf/frames.bpf.o',
    'dist/bpf/ways.bpf.o',
    'dist/addon/tapscope.node',
    'dist/bench/traffic',
  ];
  for (const path of ['dist/src', 'dist/bench/main.cjs', ...natives, 'package.json'])
    cpSync(join(root, path), join(stage, library, path), {
      recursive: true,
      filter: (file) => !/\/\.built|\.bytecode$/.test(file),
    });
  keepShippedBytecode(join(stage, library, 'dist/src'));
  for (const [from, to] of Object.entries(monitoring)) cpSync(join(root, from), join(stage, to), { recursive: true });
  const modules = copyModules(stage);
  const launcher = read('deploy/debian/launcher');
  put('usr/bin/tapscope', launcher, 0o755);
  put(join(library, 'serving'), launcher.replace('main.js', 'serving.js'), 0o755);
  for (const unit of units) put(join('usr/lib/systemd/system', unit), read(join('deploy', unit)));
  put('etc/default/tapscope', read('deploy/debian/default'));
  put('usr/share/man/man8/tapscope.8.gz', gzipSync(said('man'), { level: 9 }));
  put('usr/share/bash-completion/completions/tapscope', said('bash'));
  put('usr/share/zsh/vendor-completions/_tapscope', said('zsh'));
  put(join(documents, 'copyright'), copyright(modules));
  for (const script of ['postinst', 'prerm', 'postrm'])
    put(join('DEBIAN', script), read(join('deploy/debian', script)), 0o755);
  put('DEBIAN/conffiles', '/etc/default/tapscope\n');
  put('usr/share/lintian/overrides/tapscope', read('deploy/debian/lintian-overrides'));
  put(join(documents, 'changelog.gz'), gzipSync(debianChangelog(), { level: 9 }));
  put(join(documents, 'NEWS.gz'), gzipSync(read('CHANGELOG.md'), { level: 9 }));
  for (const path of ['dist/addon/tapscope.node', 'dist/bench/traffic'])
    execFileSync('strip', ['--strip-unneeded', join(stage, library, path)]);
  return buildPackage(stage, output, {
    Package: 'tapscope',
    Version: description.version,
    Section: 'net',
    Depends: [
      ...sharedLibraries(...natives.map((path) => join(root, path))),
      // Debian 12's own Node is 18, on which the product does not measure.
      `nodejs (${description.engines.node.replace('>=', '>= ')}) | tapscope-node`,
    ].join(', '),
    Description: `exact packet counts of tun, tap and vhost-net queues, for Prometheus\n ${description.description.replace(/(.{50}\S*) /g, '$1\n ')}.`,
  });
}

/** The changelog in the form that Debian's tools read. Its day is SOURCE_DATE_EPOCH, or 1 January 1970. */
function debianChangelog() {
  const day = new Date(1000 * Number(process.env.SOURCE_DATE_EPOCH ?? 0)).toUTCString().replace('GMT', '+0000');
  return `tapscope (${description.version}) unstable; urgency=medium\n\n  * NEWS.gz says what changed.\n\n -- ${maintainer}  ${day}\n`;
}

/** Output of `tapscope completion`. */
function said(kind) {
  return execFileSync(process.execPath, [join(root, 'dist/src/main.js'), 'completion', kind], { encoding: 'utf8' });
}

/** Copies only the licences of bundled packages, and all that runs here of the other packages. */
function copyModules(stage) {
  const modules = productionModules(root);
  for (const { path, isWhole } of modules) {
    if (isWhole) copyModule(root, path, join(stage, library, path));
    else copyLicence(root, path, join(stage, documents, path));
  }
  return modules;
}

/** Node.js for hosts whose own is too old. */
function ownNode() {
  const node = provideNode();
  const stage = join(output, 'tapscope-node');
  const program = join(stage, 'usr/lib/tapscope-node/node');
  putFile(program, readFileSync(join(node, 'bin/node')), 0o755);
  putFile(join(stage, 'usr/share/doc/tapscope-node/copyright'), readFileSync(join(node, 'LICENSE')));
  return buildPackage(stage, output, {
    Package: 'tapscope-node',
    Version: runtime.node,
    Section: 'javascript',
    Depends: sharedLibraries(program).join(', '),
    Description:
      'Node.js for tapscope, on hosts whose own is too old\n For Debian 12. Its security updates come with new versions of this package, not from Debian.',
  });
}

function copyright(modules) {
  const stanza = (files, holder, licence) => `Files: ${files}\nCopyright: ${holder}\nLicense: ${licence}\n`;
  const others = modules.map(({ path, license }) =>
    stanza(`${library}/${path}/* ${documents}/${path}/*`, `as its own files say`, license),
  );
  return [
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: tapscope\n',
    stanza(
      '*',
      '2026 the authors of tapscope',
      `${description.license}\n In full: /usr/share/common-licenses/Apache-2.0`,
    ),
    stanza('usr/lib/tapscope/dist/bpf/*', '2026 the authors of tapscope', 'GPL-2.0-only OR BSD-2-Clause'),
    ...others,
  ].join('\n');
}

function putFile(path, content, mode = 0o644) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
}

process.exitCode = orSentence(() => main(process.argv.slice(2)));
