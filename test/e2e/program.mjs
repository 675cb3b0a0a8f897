import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const built = new URL('../../bin/macrodata', import.meta.url).pathname;

// start runs the built program with a shop, a database and a folder of its own,
// and returns where it is and how it ends.
export async function start(orders) {
  const folder = await mkdtemp(join(tmpdir(), 'macrodata-e2e-'));
  await chmod(folder, 0o711); // for root, PostgreSQL runs as a user of its own, who must get in
  const program = spawn(process.env.PROGRAM ?? built, ['dev', '--orders', String(orders)], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, MACRODATA_DATA_DIR: join(folder, 'data'), MACRODATA_LISTEN: '127.0.0.1:0', MACRODATA_OPS_LISTEN: 'off' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const ended = new Promise((done) => program.once('exit', done));
  const url = await new Promise((found, failed) => {
    program.stderr.on('data', (text) => {
      said += text;
      const at = /Open (http:\/\/\S+) /.exec(said);
      if (at) found(at[1]);
    });
    ended.then(() => failed(new Error('the program ended:\n' + said)));
  });
  return {
    url,
    said: () => said,
    async stop() {
      program.kill('SIGINT');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
