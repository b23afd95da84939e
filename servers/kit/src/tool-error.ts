// The failure a model is meant to read. Anything else that a tool throws is a defect: the caller then
// gets a plain sentence, and the details go to stderr (call-tool.ts).

export interface ToolErrorOptions {
  /** What would have been accepted. */
  allowed?: string;
  /** What to do next, as an instruction. */
  hint?: string;
  cause?: unknown;
}

/** Answered as a tool result with `isError`. `wrong` says what was wrong, as a sentence. */
export class ToolError extends Error {
  override readonly name = 'ToolError';

  constructor(wrong: string, { allowed, hint, cause }: ToolErrorOptions = {}) {
    const lines = [wrong];
    if (allowed !== undefined) lines.push(`Allowed: ${allowed}`);
    if (hint !== undefined) lines.push(`Try: ${hint}`);
    super(lines.join('\n'), cause === undefined ? undefined : { cause });
  }
}
