// SPDX-License-Identifier: Apache-2.0
// What the Debian packages and the RPM are made of: what they say about themselves, and the files that they install.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { copyLicence, copyModule, productionModules } from './modules.mjs';
import { keepShippedBytecode, provideNode, runtime } from './runtime.mjs';

export const root = join(import.meta.dirname, '..');
const read = (path) => readFileSync(join(root, path), 'utf8');
const description = JSON.parse(read('package.json'));

const library = 'usr/lib/tapscope';
const documents = 'usr/share/doc/tapscope';
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

export const packages = {
  tapscope: {
    version: description.version,
    summary: 'exact packet counts of tun, tap and vhost-net queues, for Prometheus',
    text: `${description.description}.`,
    /** Enabled and started by the installation. */
    unit: 'tapscope.service',
    stage: stageTapscope,
  },
  // Debian 12's own Node is 18, on which the product does not measure.
  'tapscope-node': {
    version: runtime.node,
    summary: 'Node.js for tapscope, on hosts whose own is too old',
    text: 'For Debian 12. Its security updates come with new versions of this package, not from Debian.',
    stage: stageNode,
  },
};

export const oldestNode = description.engines.node.replace('>=', '');

/** Debian's own variables, for those who publish a build. */
export const maintainer = `${process.env.DEBFULLNAME ?? 'The authors of tapscope'} <${process.env.DEBEMAIL ?? 'tapscope@localhost'}>`;

/** In lines as short as the tools of both kinds of packages want them. */
export function wrapped(text) {
  return text.replace(/(.{50}\S*) /g, '$1\n');
}

/** The licences of all that the package holds, as one expression. */
export function licences() {
  const own = [description.license, '(GPL-2.0-only OR BSD-2-Clause)'];
  return [...new Set([...own, ...productionModules(root).map(({ license }) => license)])].join(' AND ');
}

/** Seconds since 1970 of the commit that is packed: the same commit gives the same package, bit by bit. */
export function sourceDate() {
  try {
    return process.env.SOURCE_DATE_EPOCH || answer('git', ['log', '-1', '--format=%ct'], { cwd: root });
  } catch {
    return '1767225600'; // no repository, in the build of the image: 2026
  }
}

/** What the program says on standard output, as text. */
export function answer(program, args, options) {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options }).trim();
}

function stageTapscope(tree) {
  const put = (to, content, mode) => putFile(join(tree, to), content, mode);
  const natives = ['dist/addon/tapscope.node', 'dist/bench/traffic'];
  const objects = ['dist/bpf/tapscope.bpf.o', 'dist/bpf/follow.bpf.o', 'dist/bpf/frames.bpf.o', 'dist/bpf/ways.bpf.o'];
  for (const path of ['dist/src', 'dist/bench/main.cjs', ...objects, ...natives, 'package.json'])
    cpSync(join(root, path), join(tree, library, path), {
      recursive: true,
      filter: (file) => !/\/\.built|\.bytecode$/.test(file),
    });
  keepShippedBytecode(join(tree, library, 'dist/src'));
  for (const [from, to] of Object.entries(monitoring)) cpSync(join(root, from), join(tree, to), { recursive: true });
  const modules = copyModules(tree);
  setModes(tree);
  const launcher = read('deploy/debian/launcher');
  put(join(library, 'raise.sh'), read('deploy/raise.sh'));
  put('usr/bin/tapscope', launcher, 0o755);
  put(join(library, 'serving'), launcher.replace('main.js', 'serving.js'), 0o755);
  for (const unit of ['tapscope.service', 'tapscope-serving.socket', 'tapscope-serving@.service'])
    put(join('usr/lib/systemd/system', unit), read(join('deploy', unit)));
  put('etc/default/tapscope', read('deploy/debian/default'));
  put('usr/share/man/man8/tapscope.8.gz', gzipSync(said('man'), { level: 9 }));
  put('usr/share/bash-completion/completions/tapscope', said('bash'));
  put('usr/share/zsh/vendor-completions/_tapscope', said('zsh'));
  put(join(documents, 'NEWS.gz'), gzipSync(read('CHANGELOG.md'), { level: 9 }));
  put(join(documents, 'copyright'), copyright(modules));
  for (const path of natives) execFileSync('strip', ['--strip-unneeded', join(tree, library, path)]);
}

function stageNode(tree) {
  const node = provideNode();
  putFile(join(tree, 'usr/lib/tapscope-node/node'), readFileSync(join(node, 'bin/node')), 0o755);
  putFile(join(tree, 'usr/share/doc/tapscope-node/copyright'), readFileSync(join(node, 'LICENSE')));
}

/** Output of `tapscope completion`. */
function said(kind) {
  return execFileSync(process.execPath, [join(root, 'dist/src/main.js'), 'completion', kind], { encoding: 'utf8' });
}

/** Copies only the licences of bundled packages, and all that runs here of the other packages. */
function copyModules(tree) {
  const modules = productionModules(root);
  for (const { path, isWhole } of modules) {
    if (isWhole) copyModule(root, path, join(tree, library, path));
    else copyLicence(root, path, join(tree, documents, path));
  }
  return modules;
}

/** The mode follows from what a file is: the builder's umask and the mode in an npm package do not count. */
function setModes(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    chmodSync(path, entry.isDirectory() || isProgram(path) ? 0o755 : 0o644);
    if (entry.isDirectory()) setModes(path);
  }
}

function isProgram(path) {
  if (/\.(node|o)$/.test(path)) return false;
  const begin = readFileSync(path).subarray(0, 4).toString('latin1');
  return begin.startsWith('#!') || begin === '\x7fELF';
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
