// Redaction of values that are not JSON text: plain text, such as a title or a line of stderr, and values
// that go into an answer. Both take the way over JSON, so that one redaction serves all.
import { toJsonText } from '../json-text.ts';
import type { Redact } from './redaction.ts';

export function redactText(redact: Redact, text: string): string {
  const json = JSON.stringify(text);
  const redacted = redact(json);
  return redacted === json ? text : String(JSON.parse(redacted));
}

/** The value itself where it holds no secret. What JSON can't say is left out. */
export function redactValue<T>(redact: Redact, value: T): T {
  const json = toJsonText(value);
  const redacted = redact(json);
  return redacted === json ? value : (JSON.parse(redacted) as T); // the same shape: only texts and numbers change
}
