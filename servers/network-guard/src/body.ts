// Reads a body with limits on what comes over the wire and on what it unpacks to. Every layer is counted
// while it is unpacked, so a bomb costs no more than the limit, in memory and in time.
import { Transform, Writable, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { ToolError } from '@drawbridge/kit';

/** What `accept-encoding` says, unless the caller says another. */
export const ACCEPTED_ENCODINGS = 'gzip, br';

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  br: () => createBrotliDecompress(),
  deflate: () => createInflate(),
};

/** Encodings on top of each other. More than one is rare; more than two serves bombs only. */
const MOST_LAYERS = 2;

const FIRST_BYTES = 16 * 1024;

export interface BodyLimits {
  maxWireBytes: number;
  /** Unpacked, at each layer. */
  maxBytes: number;
}

export interface BodyOptions extends BodyLimits {
  /** The header `content-encoding`. */
  encoding: string;
  /** As errors name it. */
  shown: string;
  signal: AbortSignal;
}

export function tooLarge(shown: string, { what, most }: { what: string; most: number }): ToolError {
  return new ToolError(`The answer of ${shown} is too large.`, {
    allowed: `up to ${most} bytes ${what}`,
    hint: 'a smaller page or a part of it',
  });
}

function createCap(most: number, toError: () => ToolError) {
  let bytes = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > most) done(toError());
      else done(null, chunk);
    },
  });
  return { stream, bytes: () => bytes };
}

/** One buffer that grows: a list of pieces of one byte each would take a hundred times their size. */
function createCollector() {
  let [kept, length] = [Buffer.alloc(FIRST_BYTES), 0];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      const needed = length + chunk.length;
      if (needed > kept.length) {
        const larger = Buffer.alloc(Math.max(needed, 2 * kept.length));
        kept.copy(larger, 0, 0, length);
        kept = larger;
      }
      chunk.copy(kept, length);
      length = needed;
      done();
    },
  });
  return { stream, bytes: () => Buffer.from(kept.subarray(0, length)) };
}

/** The decoders, the outermost layer's first. @throws ToolError */
function createDecoders(encoding: string, shown: string): Transform[] {
  const layers = encoding
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
  const allowed = `up to ${MOST_LAYERS} of gzip, br, deflate`;
  if (layers.length > MOST_LAYERS)
    throw new ToolError(`The answer of ${shown} is packed ${layers.length} times.`, { allowed });
  return layers.reverse().map((name) => {
    const create = Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined;
    if (create === undefined)
      throw new ToolError(`The answer of ${shown} is packed in an unknown way.`, { allowed });
    return create();
  });
}

function isDamage(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string')
    return false;
  return /^(?:Z_|ERR_BROTLI|ERR__ERROR|ERR_PADDING|ERR_TRAILING)/.test(error.code);
}

/** @throws ToolError when a limit is passed or the packing is damaged */
export async function readBody(
  body: Readable,
  { encoding, shown, signal, maxWireBytes, maxBytes }: BodyOptions,
): Promise<{ bytes: Buffer; wireBytes: number }> {
  const decoders = createDecoders(encoding, shown);
  const wire = createCap(maxWireBytes, () =>
    tooLarge(shown, { what: 'over the wire', most: maxWireBytes }),
  );
  const collected = createCollector();
  const unpacked = () =>
    createCap(maxBytes, () => tooLarge(shown, { what: 'unpacked', most: maxBytes }));
  const layers = decoders.flatMap((decoder) => [decoder, unpacked().stream]);
  try {
    await pipeline([body, wire.stream, ...layers, unpacked().stream, collected.stream], { signal });
  } catch (error) {
    // An empty body has no packing either.
    if (wire.bytes() === 0 && isDamage(error)) return { bytes: Buffer.alloc(0), wireBytes: 0 };
    if (!isDamage(error)) throw error;
    throw new ToolError(`The answer of ${shown} is packed wrongly or cut off.`, { cause: error });
  }
  return { bytes: collected.bytes(), wireBytes: wire.bytes() };
}
