// What a backup file holds, before compression: a line of JSON about the whole, then table by table a
// line that names it and its rows as PostgreSQL's COPY text, closed by `\.`, which no row can be; last
// a line with the SHA-256 of all before it. `zcat FILE | less` shows it.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { parseJson } from '../../parse-json.ts';
import { DrawbridgeError } from '../../errors.ts';

const FORMAT = 'drawbridge-backup';
const VERSION = 1;

/** Files of a home that only a backup with secrets carries. */
export const HOME_FILES = ['secret', 'token', 'member-token'] as const;

const headerSchema = z.object({
  format: z.literal(FORMAT),
  version: z.number().int(),
  createdAt: z.iso.datetime(),
  /** Of the Drawbridge that made it. */
  madeBy: z.string(),
  migrations: z.array(z.object({ name: z.string(), checksum: z.string() })).min(1),
  /** Of the log, one a day. */
  partitions: z.array(z.string().regex(/^run_events_\d{8}$/)),
  files: z.partialRecord(z.enum(HOME_FILES), z.string()),
});
export type BackupHeader = z.infer<typeof headerSchema>;

const tableSchema = z.object({ table: z.string(), columns: z.array(z.string()).min(1) });
export type BackupTable = z.infer<typeof tableSchema>;

const endSchema = z.object({ sha256: z.string() });

export const END_OF_ROWS = '\\.\n';

export function toHeader(rest: Omit<BackupHeader, 'format' | 'version'>): BackupHeader {
  return { format: FORMAT, version: VERSION, ...rest };
}

export function toLine(value: BackupHeader | BackupTable | z.infer<typeof endSchema>): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

export interface BackupReader {
  readHeader(): Promise<BackupHeader>;
  /** The next table; its rows are to be read before the one after it. Undefined at the sound end. */
  readTable(): Promise<BackupTable | undefined>;
  /** COPY text, in pieces that end anywhere. */
  rows(): AsyncGenerator<Buffer>;
}

const MAX_LINE = 1024 * 1024;

/** Rejects with `request/invalid` for what is no backup, a damaged one, or one of a newer format. */
export function createBackupReader(chunks: AsyncIterable<Buffer>): BackupReader {
  const source = chunks[Symbol.asyncIterator]();
  const hash = createHash('sha256');
  let rest: Buffer = Buffer.alloc(0);

  const more = async (): Promise<boolean> => {
    const { done, value } = await source.next();
    if (done === true) return false;
    rest = rest.length === 0 ? value : Buffer.concat([rest, value]);
    return true;
  };
  const take = (length: number): Buffer => {
    const taken = rest.subarray(0, length);
    hash.update(taken);
    rest = rest.subarray(length);
    return taken;
  };
  /** `before` is the checksum of all that stands before the line. */
  const readLine = async (): Promise<{ value: unknown; before: string }> => {
    let end = rest.indexOf('\n');
    while (end === -1) {
      if (rest.length > MAX_LINE || !(await more())) throw damaged('it ends too early');
      end = rest.indexOf('\n');
    }
    const before = hash.copy().digest('hex');
    return { value: parseJson(take(end + 1).toString()), before };
  };

  return {
    async readHeader() {
      const { value } = await readLine();
      const named = z.object({ format: z.literal(FORMAT), version: z.number() }).safeParse(value);
      if (!named.success) throw invalid('It is no backup of Drawbridge.');
      if (named.data.version > VERSION) {
        throw invalid('The backup was made by a newer Drawbridge; restore it with that one.');
      }
      const header = headerSchema.safeParse(value);
      if (!header.success) throw damaged('its first line is not understood');
      return header.data;
    },
    async readTable() {
      const { value, before } = await readLine();
      const table = tableSchema.safeParse(value);
      if (table.success) return table.data;
      const end = endSchema.safeParse(value);
      if (!end.success) throw damaged('a line in it is not understood');
      if (end.data.sha256 !== before) throw damaged('its checksum is another');
      if (rest.length > 0 || (await more())) throw damaged('something follows its end');
      return undefined;
    },
    async *rows() {
      for (let isFirst = true; ;) {
        if (isFirst && rest.length >= END_OF_ROWS.length) {
          isFirst = false;
          if (rest.indexOf(END_OF_ROWS) === 0) {
            take(END_OF_ROWS.length);
            return;
          }
        }
        if (!isFirst) {
          const end = rest.indexOf(`\n${END_OF_ROWS}`);
          if (end !== -1) {
            yield take(end + 1);
            take(END_OF_ROWS.length);
            return;
          }
          // The end may stand half in this piece and half in the next.
          if (rest.length > END_OF_ROWS.length) yield take(rest.length - END_OF_ROWS.length);
        }
        if (!(await more())) throw damaged('it ends too early');
      }
    },
  };
}

export function damaged(why: string, cause?: unknown): DrawbridgeError {
  return invalid(`The backup is damaged: ${why}.`, cause);
}

function invalid(message: string, cause?: unknown): DrawbridgeError {
  return new DrawbridgeError('request/invalid', message, { cause });
}
