// A bridge as far as the store goes, in a process of its own that a test can kill: takes the home given
// as argument, opens the store, writes a row and prints what it has as one line of JSON.
import { pino } from 'pino';
import { DrawbridgeError } from '../../src/errors.ts';
import { lockHome } from '../../src/store/home-lock.ts';
import { openStore } from '../../src/store/store.ts';
import { tenants } from '../../src/store/tables/index.ts';

const home = process.argv[2] ?? '';
try {
  const lock = await lockHome(home);
  lock.announce({ url: 'http://127.0.0.1:1' });
  const store = await openStore({ home, logger: pino({ level: 'silent' }), version: 'test' });
  await store.db
    .insert(tenants)
    .values({ id: '00000000-0000-7000-8000-000000000001', name: 'kept' })
    .onConflictDoNothing();
  process.stdout.write(`${JSON.stringify({ ok: true, user: process.getuid?.() })}\n`);
  process.stdin.resume();
  process.stdin.once('end', () => {
    store.close().then(
      () => lock.release(),
      (error: unknown) => process.stderr.write(String(error)),
    );
  });
} catch (error) {
  const { code, message } =
    error instanceof DrawbridgeError ? error : { code: '', message: String(error) };
  process.stdout.write(`${JSON.stringify({ ok: false, code, message })}\n`);
}
