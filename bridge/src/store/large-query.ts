// A statement with a large binary parameter. The driver would copy it into its message, and that into
// a larger buffer; here it is written to the socket in pieces, as it is, and the event loop has its turn
// between them. Formats: PostgreSQL's manual, "Message Formats", Bind.
import type { Duplex } from 'node:stream';
import { type Client, Query } from 'pg';

export interface LargeStatement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly (string | Buffer)[];
}

/** What the driver's connection has beyond its type. */
interface Wire {
  readonly stream: Duplex;
  readonly parsedStatements: Readonly<Record<string, string>>;
  parse(query: { name: string; text: string; types: undefined }): void;
  describe(what: { type: 'P'; name: string }): void;
  execute(what: { portal: undefined; rows: undefined }): void;
  sync(): void;
}

const PIECE_BYTES = 512 * 1024;
const BIND = 0x42;

/** Resolves when the statement is done; rejects with what the database said. */
export function queryInPieces(client: Client, statement: LargeStatement): Promise<void> {
  return new Promise((resolve, reject) => {
    const query = new Query(
      { name: statement.name, text: statement.text, values: [...statement.values] },
      (error: Error | undefined | null) => {
        if (error) reject(error);
        else resolve();
      },
    );
    // The driver hands its connection to whatever it runs.
    query.submit = (connection) => {
      const wire = connection as unknown as Wire;
      const { name, text } = statement;
      if (wire.parsedStatements[name] === undefined) wire.parse({ name, text, types: undefined });
      write(wire.stream, toBind(statement)).then(
        () => {
          wire.describe({ type: 'P', name: '' });
          wire.execute({ portal: undefined, rows: undefined });
          wire.sync();
        },
        // The connection is lost, and the driver fails the query.
        () => undefined,
      );
    };
    client.query(query);
  });
}

async function write(stream: Duplex, parts: readonly Buffer[]): Promise<void> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += PIECE_BYTES) {
      const piece = part.subarray(at, at + PIECE_BYTES);
      await new Promise<void>((resolve, reject) => {
        stream.write(piece, (error) => {
          if (error) reject(error);
          else resolve();
        });
      });
    }
  }
}

function toBind({ name, values }: LargeStatement): readonly Buffer[] {
  const formats = Buffer.alloc(2 + values.length * 2 + 2);
  formats.writeInt16BE(values.length, 0);
  for (const [index, value] of values.entries()) {
    formats.writeInt16BE(typeof value === 'string' ? 0 : 1, 2 + index * 2);
  }
  formats.writeInt16BE(values.length, 2 + values.length * 2);
  // The unnamed portal, the statement's name, formats and values; results as text.
  const body: Buffer[] = [Buffer.from(`\0${name}\0`), formats];
  for (const value of values) {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    const length = Buffer.alloc(4);
    length.writeInt32BE(bytes.length, 0);
    body.push(length, bytes);
  }
  body.push(Buffer.from([0, 1, 0, 0]));
  const head = Buffer.alloc(5);
  head.writeUInt8(BIND, 0);
  head.writeInt32BE(4 + body.reduce((sum, { length }) => sum + length, 0), 1);
  return joinSmall([head, ...body]);
}

/** What is small goes out as one piece. */
function joinSmall(parts: readonly Buffer[]): readonly Buffer[] {
  const joined: Buffer[] = [];
  let small: Buffer[] = [];
  for (const part of parts) {
    if (part.length < PIECE_BYTES / 8) {
      small.push(part);
      continue;
    }
    joined.push(Buffer.concat(small), part);
    small = [];
  }
  return [...joined, Buffer.concat(small)];
}
