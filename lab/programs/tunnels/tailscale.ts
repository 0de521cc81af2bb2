// SPDX-License-Identifier: Apache-2.0
// tailscaled at either end. The control server is the one of Tailscale's own integration tests: headscale cannot be had from the proxy.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../../test/agent/certificates.ts';
import { cachePath, IPERF, pathOf, SOCAT } from '../../../test/host/need.ts';
import type { NamespaceLab } from '../../../test/host/netns.ts';
import { run } from '../../../test/host/run.ts';
import { answers } from '../counted-traffic.ts';
import { NEAR, SOURCE_NET, type Stage, type Started } from '../places.ts';
import type { Program } from '../program.ts';
import { served } from './tunnel.ts';

const VERSION = 'v1.78.3';
const CONTROL = `${NEAR}:8080`;
const BUILD_LIMIT_MS = 1_800_000;

/** A control server that takes every node, and knows no relay: the ends find each other by the addresses of their devices. */
const CONTROL_SOURCE = `package main

import (
	"log"
	"net/http"
	"os"

	"tailscale.com/tailcfg"
	"tailscale.com/tstest/integration/testcontrol"
)

func main() {
	server := &testcontrol.Server{
		Logf:            log.Printf,
		ExplicitBaseURL: "http://" + os.Args[1],
		DERPMap:         &tailcfg.DERPMap{Regions: map[int]*tailcfg.DERPRegion{}},
	}
	log.Fatal(http.ListenAndServe(os.Args[1], server))
}
`;

export const TAILSCALE: Program = {
  name: 'tailscaled',
  from: `Go module tailscale.com ${VERSION}, with its test control server`,
  needs: [
    { go: `tailscale.com/cmd/tailscaled@${VERSION}`, file: 'tailscaled', builtAs: 'tailscaled' },
    { go: `tailscale.com/cmd/tailscale@${VERSION}`, file: 'tailscale', builtAs: 'tailscale' },
    IPERF,
    SOCAT,
  ],
  start: async (stage) => {
    const folder = temporaryFolder({ after: (undo) => stage.after(async () => undo()) });
    stage.start(stage.near, await controlServer(), CONTROL);
    const program = await logIn(stage, stage.near, folder, 'ts0');
    await logIn(stage, stage.far, folder, 'ts1');
    const [here, beyond] = [await addressOf(stage.near, 'ts0'), await addressOf(stage.far, 'ts1')];
    await answers(stage.near, beyond, program.output);
    await stage.far.ip(`route replace ${SOURCE_NET} dev ts1`);
    const names = { comm: 'tailscaled', program: 'tailscaled' };
    return served(stage, { device: 'ts0', pid: program.pid, ...names, beyond, here, own: undefined });
  },
};

async function controlServer(): Promise<string> {
  const file = cachePath('programs/bin/tailscale-control');
  if (existsSync(file)) return file;
  const folder = cachePath('programs/tailscale-control');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'main.go'), CONTROL_SOURCE);
  await writeFile(join(folder, 'go.mod'), `module lab\n\ngo 1.23\n\nrequire tailscale.com ${VERSION}\n`);
  const options = { cwd: folder, timeout: BUILD_LIMIT_MS, env: { ...process.env, CGO_ENABLED: '0' } };
  await run('go', ['mod', 'tidy'], options);
  await run('nice', ['-n', '10', 'go', 'build', '-o', file, '.'], options);
  return file;
}

/** It writes /etc/resolv.conf where it may: in a mount namespace of its own there is an empty one. */
async function logIn(stage: Stage, lab: NamespaceLab, folder: string, device: string): Promise<Started> {
  const socket = join(folder, `${device}.sock`);
  const words = ['--tun', device, '--state', 'mem:', '--statedir', join(folder, device), '--socket', socket];
  const shadow = `mount --bind ${folder}/resolv.conf /etc/resolv.conf 2>/dev/null; exec "$@"`;
  await writeFile(join(folder, 'resolv.conf'), '');
  const daemon = [pathOf('tailscaled') ?? '', ...words, '--no-logs-no-support'];
  const program = stage.start(lab, 'unshare', '--mount', 'sh', '-c', shadow, 'sh', ...daemon);
  const options = [
    '--login-server',
    `http://${CONTROL}`,
    '--accept-dns=false',
    '--netfilter-mode=off',
    '--timeout',
    '8s',
  ];
  // Without a relay it never says that it is ready; its packets pass.
  const script = `for i in $(seq 300); do [ -e ${socket} ] && break; sleep 0.2; done; "$@" || :`;
  await lab.exec('sh', '-c', script, 'sh', pathOf('tailscale') ?? '', '--socket', socket, 'up', ...options);
  return program;
}

async function addressOf(lab: NamespaceLab, device: string): Promise<string> {
  const text = await lab.ip(`-4 -br addr show dev ${device}`);
  return /(\d+\.\d+\.\d+\.\d+)\//.exec(text)?.[1] ?? '';
}
