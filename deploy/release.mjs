// SPDX-License-Identifier: Apache-2.0
// `node deploy/release.mjs`: everything that is published, in dist/release, from one build: npm packages for amd64 and arm64, Debian
// packages, RPM, image, Helm chart, bill of materials, checksums, which RELEASE_KEY signs. --no-audit, --no-cross, --no-deb, --no-rpm and --no-image leave
// something out.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildChart } from './chart.mjs';
import { otherArchitectures } from './cross-build.mjs';
import { buildImage } from './image-archive.mjs';
import { buildNpmPackage } from './npm.mjs';
import { prepare } from './prepare.mjs';
import { orSentence } from './runtime.mjs';
import { run, say } from './step.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const output = join(root, 'dist/release');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

function main() {
  const skips = new Set(process.argv.slice(2));
  if (!prepare(root)) return 1;
  if (
    !skips.has('--no-audit') &&
    !run('asking for known faults of the npm packages', 'npm', ['audit', '--omit=dev'], { cwd: root })
  ) {
    say(
      'npm audit found a fault, or found no registry that answers: mend it, or say --no-audit and why in CHANGELOG.md.',
    );
    return 1;
  }
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const architectures = [process.arch, ...(skips.has('--no-cross') ? [] : otherArchitectures)];
  const built = architectures.map((architecture) => buildNpmPackage(root, output, architecture));
  if (built.includes(undefined)) return 1;
  buildChart(root, output);
  writeFileSync(join(output, `tapscope-${version}.cdx.json`), billOfMaterials(built.flat()));
  for (const kind of ['deb', 'rpm'].filter((one) => !skips.has(`--no-${one}`))) {
    execFileSync(process.execPath, [join(root, `deploy/${kind}.mjs`)], { stdio: ['ignore', 2, 2] });
    const built = join(root, 'dist', kind);
    for (const file of readdirSync(built)) copyFileSync(join(built, file), join(output, file));
  }
  if (!skips.has('--no-image') && buildImage(root, output) === undefined) return 1;
  const files = readdirSync(output).sort();
  writeFileSync(join(output, 'SHA256SUMS'), files.map((file) => `${sha256(join(output, file))}  ${file}\n`).join(''));
  const signed = sign(join(output, 'SHA256SUMS'));
  for (const file of [...files, 'SHA256SUMS', ...signed]) say(`built dist/release/${file}`);
  return 0;
}

/** Signs with the key of ssh-keygen that RELEASE_KEY names; docs/install.md has the check. Returns the files' names. */
function sign(sums) {
  const key = process.env.RELEASE_KEY;
  if (!key) {
    say('not signed: RELEASE_KEY names no private key of ssh-keygen.');
    return [];
  }
  execFileSync('ssh-keygen', ['-Y', 'sign', '-q', '-f', key, '-n', 'tapscope', sums], { stdio: ['inherit', 2, 2] });
  return ['SHA256SUMS.sig'];
}

/** The lock file's packages as CycloneDX, with the libraries that come beside the addon. */
function billOfMaterials(libraries) {
  const asked = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--omit=dev', '--package-lock-only'];
  const bill = JSON.parse(
    execFileSync('npm', asked, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  const components = libraries.map(({ name, version: of, license, architecture }) => {
    const purl = `pkg:deb/debian/${name}@${encodeURIComponent(of)}?arch=${architecture === 'x64' ? 'amd64' : architecture}`;
    return { 'bom-ref': purl, type: 'library', name, version: of, purl, licenses: [{ expression: license }] };
  });
  const { serialNumber, metadata, ...rest } = bill;
  const { timestamp, ...told } = metadata; // these two and the folder's name are of this run, not of the commit
  const whole = { ...told, component: { ...metadata.component, name: 'tapscope' } };
  return `${JSON.stringify({ ...rest, metadata: whole, components: [...bill.components, ...components] }, null, 2)}\n`;
}

function sha256(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

process.exitCode = orSentence(main);
