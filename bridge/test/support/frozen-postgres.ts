// A PostgreSQL of its own that a test can freeze: its processes are stopped, so that it neither answers
// nor refuses, as on a machine that is short of everything.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createEmbeddedServer } from '../../src/store/embedded/server.ts';

export interface FreezablePostgres {
  readonly url: string;
  freeze(): Promise<void>;
  thaw(): void;
  close(): Promise<void>;
}

export async function startFreezablePostgres(): Promise<FreezablePostgres> {
  const home = await mkdtemp(join(tmpdir(), 'drawbridge-frozen-'));
  const server = await createEmbeddedServer({
    home,
    logger: pino({ level: 'silent' }),
    fsync: false,
  });
  let frozen: number[] = [];
  const thaw = (): void => {
    for (const pid of frozen) process.kill(pid, 'SIGCONT');
    frozen = [];
  };
  return {
    url: server.url,
    async freeze() {
      const postmaster = server.pid();
      if (postmaster === undefined) throw new Error('the database is not running');
      // It first, so that it starts no others meanwhile.
      process.kill(postmaster, 'SIGSTOP');
      const children = await readFile(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8');
      frozen = [postmaster, ...children.split(' ').filter(Boolean).map(Number)];
      for (const pid of frozen) process.kill(pid, 'SIGSTOP');
    },
    thaw,
    async close() {
      thaw();
      await server.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}
