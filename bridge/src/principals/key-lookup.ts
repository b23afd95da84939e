// Keys are looked up together: those that come while one look is under way share the next. So a crowd
// that arrives at once, or a flood of invented keys, costs a query for each round trip and not for each
// connection.

export interface KeyLookupOptions<Row> {
  readonly read: (hashes: readonly Buffer[]) => Promise<readonly Row[]>;
  readonly hashOf: (row: Row) => Buffer;
}

interface Waiting<Row> {
  readonly hash: Buffer;
  readonly resolve: (row: Row | undefined) => void;
  readonly reject: (error: unknown) => void;
}

const MAX_AT_ONCE = 512;

/** What is answered was read after the question. Rejects as `read` does. */
export function createKeyLookup<Row>({
  read,
  hashOf,
}: KeyLookupOptions<Row>): (hash: Buffer) => Promise<Row | undefined> {
  let waiting: Waiting<Row>[] = [];
  let isReading = false;

  const readOnce = async (asked: readonly Waiting<Row>[]): Promise<void> => {
    try {
      const hashes = new Map(asked.map(({ hash }) => [hash.toString('base64'), hash]));
      const rows = await read([...hashes.values()]);
      const found = new Map(rows.map((row) => [hashOf(row).toString('base64'), row]));
      for (const { hash, resolve } of asked) resolve(found.get(hash.toString('base64')));
    } catch (error) {
      // Those that came meanwhile would wait as long again for the same answer.
      for (const { reject } of [...asked, ...waiting.splice(0)]) reject(error);
    }
  };
  const readAll = async (): Promise<void> => {
    isReading = true;
    while (waiting.length > 0) await readOnce(waiting.splice(0, MAX_AT_ONCE));
    isReading = false;
  };

  return (hash) =>
    new Promise((resolve, reject) => {
      waiting.push({ hash, resolve, reject });
      if (!isReading) void readAll();
    });
}
