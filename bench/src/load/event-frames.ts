// Cuts a stream of server-sent events into its events, as bytes: most readers only look whether one
// holds what they wait for.

const NOTHING = Buffer.alloc(0);

/** @returns what takes parts of the stream and hands on each whole event, without its blank line */
export function createEventFrames(onFrame: (frame: Buffer) => void): (part: Buffer) => void {
  let rest: Buffer = NOTHING;
  return (part) => {
    const looked = Math.max(0, rest.length - 1);
    const data = rest.length === 0 ? part : Buffer.concat([rest, part]);
    let begin = 0;
    for (
      let end = data.indexOf('\n\n', looked);
      end !== -1;
      begin = end + 2, end = data.indexOf('\n\n', begin)
    ) {
      onFrame(data.subarray(begin, end));
    }
    rest = begin === data.length ? NOTHING : data.subarray(begin);
  };
}
