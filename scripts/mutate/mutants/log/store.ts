// Faults in the store: the commit whose answer was lost, the home's lock, who lives, and backups.
import type { Mutant } from '../mutant.ts';

const OUTAGE = 'bridge/test/runs/outage.test.ts';
const LOCK = 'bridge/test/store/home-lock.test.ts';
const FACTS = 'bridge/test/processes/process-facts.test.ts';
const LEDGER = 'bridge/test/upstreams/processes.test.ts';
const BACKUP = 'bridge/test/store/backup/backup.test.ts';

export const storeMutants: readonly Mutant[] = [
  {
    name: 'a batch is repeated without learning what became of it',
    file: 'bridge/src/store/run-log.ts',
    find: 'if (applied !== number) return undefined;',
    replace: 'if (applied !== number || batch.length > 0) return undefined;',
    tests: [OUTAGE],
  },
  {
    name: 'a batch that arrives late is written',
    file: 'bridge/src/store/run-log-append.ts',
    find: 'where id = $1::uuid and batch = $2::bigint and ended_at is null',
    replace: 'where id = $1::uuid and $2::bigint is not null and ended_at is null',
    tests: [OUTAGE],
  },
  {
    name: 'a bridge that was taken for dead goes on writing',
    file: 'bridge/src/store/run-log-append.ts',
    find: ' and ended_at is null\n',
    replace: '\n',
    tests: [OUTAGE],
  },
  {
    name: 'a holder of another boot or container is believed',
    file: 'bridge/src/store/home-lock.ts',
    find: 'return isHere && isAlive(pid)',
    replace: 'return isAlive(pid)',
    tests: [LOCK],
  },
  {
    name: 'a later process with the number of the holder is believed',
    file: 'bridge/src/store/home-lock.ts',
    find: ' && readStartMark(pid) === startMark ? holder',
    replace: ' && startMark.length > 0 ? holder',
    tests: [LOCK],
  },
  {
    name: 'a holder that cannot be seen is taken for dead',
    file: 'bridge/src/store/home-lock.ts',
    find: '    former.folder === own.folder &&\n    former.space !== own.space &&',
    replace: '    former.folder === own.folder &&\n    former.space === own.space &&',
    tests: [LOCK],
  },
  {
    name: "another user's process is taken for dead",
    file: 'bridge/src/processes/process-facts.ts',
    find: "if (!isSystemError(error, 'EPERM')) return false;",
    replace: "if (!isSystemError(error, 'EACCES')) return false;",
    tests: [FACTS],
  },
  {
    name: 'a zombie lives',
    file: 'bridge/src/processes/process-facts.ts',
    find: "facts.state !== 'Z' && ",
    replace: '',
    tests: [FACTS],
  },
  {
    name: 'a copy of a home ends the processes of the original',
    file: 'bridge/src/processes/process-ledger.ts',
    find: 'ledger.space === readPidSpace() && ledger.folder === readFolderMark(dirname(pidFile))',
    replace: 'ledger.space === readPidSpace()',
    tests: [LEDGER],
  },
  {
    name: 'the sweep ends a later process with the number of a server',
    file: 'bridge/src/processes/process-ledger.ts',
    find: 'if (leader !== undefined && leader.startTime !== startTime) return false;',
    replace: '',
    tests: [LEDGER],
  },
  {
    name: 'a backup with a table missing is restored',
    file: 'bridge/src/store/backup/restore-backup.ts',
    find: "if (Object.keys(rows).length !== there.length) throw damaged('a table is missing in it');",
    replace: '',
    tests: [BACKUP],
  },
  {
    name: 'a backup is restored whatever its checksum',
    file: 'bridge/src/store/backup/format.ts',
    find: "if (end.data.sha256 !== before) throw damaged('its checksum is another');",
    replace: '',
    tests: [BACKUP],
  },
  {
    name: 'a restore that failed is kept half done',
    file: 'bridge/src/store/backup/restore-backup.ts',
    find: "await client.query('rollback');",
    replace: "await client.query('commit');",
    tests: [BACKUP],
  },
];
