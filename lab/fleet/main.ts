// SPDX-License-Identifier: Apache-2.0
// npm run fleet [-- [victoria] [HOST:PORT…]]: the engines of deploy/fleet on this machine, until Ctrl-C. Without hosts it scrapes the agent here.
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { program } from '../../test/host/scope.ts';
import { FLEET, provideEngines, startEngines, VICTORIA } from './engines.ts';

await program(async (words, t) => {
  const file = words[0] === 'victoria' ? VICTORIA : FLEET;
  const targets = words.filter((word) => word !== 'victoria');
  const missing = await provideEngines(file);
  if (missing) throw new Error(`The engines cannot run here: ${missing}`);
  const folder = temporaryFolder(t);
  const files = targets.length > 0 ? { 'targets.yml': JSON.stringify([{ targets }]) } : {};
  const engines = await startEngines(t, file, { folder, files });
  for (const { name, url } of engines.values()) console.log(`${name.padEnd(17)} ${url}`);
  const asked = file === FLEET ? 'query' : 'victoria-metrics';
  console.log(
    `\nGrafana's data source, and: tapscope fleet --url ${engines.get(asked)?.url}\nData in ${folder}, until Ctrl-C.`,
  );
  await new Promise((done) => process.once('SIGINT', done).once('SIGTERM', done));
});
