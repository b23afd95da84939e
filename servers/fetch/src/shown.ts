// Headers of strangers as answers show them: one line of visible characters, not too long.

const MAX_VALUE = 300;

export function toHeaderText(value: string | undefined): string {
  return (value ?? '')
    .slice(0, MAX_VALUE)
    .replaceAll(/[^\u0020-\u007e]/g, '?')
    .trim();
}
