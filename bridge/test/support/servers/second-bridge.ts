// A bridge in a process of its own, beside that of a test, on the same database. Arguments: the home,
// the settings file, the database. Prints its URL, and ends with its stdin.
import { pino } from 'pino';
import { createBridge } from '../../../src/bridge.ts';
import { loadSettings } from '../../../src/settings/settings.ts';

const [, , home = '', configPath = '', databaseUrl = ''] = process.argv;
const bridge = await createBridge({
  settings: loadSettings({
    env: { DATABASE_URL: databaseUrl },
    cwd: home,
    configPath,
    home,
    port: 0,
  }),
  secret: 'a secret of the tests that is long enough',
  version: '0.0.0-test',
  logger: pino({ level: 'silent' }),
});
process.stdout.write(`${bridge.url}\n`);
process.stdin.resume().once('end', () => {
  void bridge.close();
});
