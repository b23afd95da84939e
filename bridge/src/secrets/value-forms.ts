// The ways a known secret can be written where an encoding hides it: as it is, in base64 of either
// alphabet at each of the three alignments (so that it is found within `user:secret` too), and in hex.
// Escapes of JSON and URLs are undone in the text instead (text-layers.ts).

/** Shorter values stand in ordinary text too often. */
export const SHORTEST = 6;
/** A line of a secret that has several, such as a private key. */
const SHORTEST_LINE = 16;

export interface ValueForm {
  readonly bytes: Buffer;
  /** Characters of base64 before and after, that hold bits of the secret and of its neighbours. */
  readonly before: number;
  readonly after: number;
}

export function toValueForms(values: readonly string[]): readonly ValueForm[] {
  const all = values.flatMap((value) => [value, value.trim(), ...toLines(value)]);
  const forms = new Map<string, ValueForm>();
  for (const value of new Set(all)) {
    if (value.length < SHORTEST) continue;
    for (const form of toForms(value)) forms.set(form.bytes.toString('latin1'), form);
  }
  return [...forms.values()];
}

/** A part of a secret is secret too, and may be all that is left of one at the end of a buffer. */
function toLines(value: string): string[] {
  const lines = value.split(/\r?\n/);
  if (lines.length === 1) return [];
  return lines.filter((line) => line.length >= SHORTEST_LINE && !line.startsWith('-----'));
}

function toForms(value: string): ValueForm[] {
  const bytes = Buffer.from(value);
  const whole = (text: string): ValueForm => ({ bytes: Buffer.from(text), before: 0, after: 0 });
  const hex = bytes.toString('hex');
  return [
    whole(value),
    // As forms of web pages write it (WHATWG URL, application/x-www-form-urlencoded).
    whole(value.replaceAll(' ', '+')),
    whole(hex),
    whole(hex.toUpperCase()),
    ...[0, 1, 2].flatMap((shift) => {
      const padded = Buffer.concat([Buffer.alloc(shift), bytes]);
      const first = Math.ceil((shift * 8) / 6);
      const end = Math.floor((padded.length * 8) / 6);
      return (['base64', 'base64url'] as const).map((alphabet) => ({
        bytes: Buffer.from(padded.toString(alphabet).slice(first, end)),
        before: shift === 0 ? 0 : 1,
        after: (padded.length * 8) % 6 === 0 ? 0 : 1,
      }));
    }),
  ];
}
