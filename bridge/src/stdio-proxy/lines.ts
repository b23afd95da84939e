// Reads the lines of a byte stream, ended by LF or CRLF. The pieces of a long line are joined once, at its end:
// joining them as they come takes quadratic time, and a line may hold a whole file.

export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let pieces: Buffer[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      pieces.push(chunk.subarray(start, end));
      yield toLine(pieces);
      pieces = [];
      start = end + 1;
    }
    if (start < chunk.length) pieces.push(chunk.subarray(start));
  }
  if (pieces.length > 0) yield toLine(pieces);
}

const LF = 0x0a;

function toLine(pieces: readonly Buffer[]): string {
  const text = Buffer.concat(pieces).toString('utf8');
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}
