// Which settings are secrets, told by the names they stand under, and which values of them nothing may
// show. A setting's name is chosen for it and stands alone, so more words tell one than in any text, where
// most of them are prose; every name that tells a secret in a text does so here too.
import { toRecord } from '../json-record.ts';
import { parseJson } from '../parse-json.ts';
import { isTellingName } from './secret-names.ts';

const settingName =
  /token|secret|passw|passphrase|credential|private|cookie|bearer|api[-_]?key|access[-_]?key|(^|[-_])(auth|authorization|key|pat|pwd|dsn)($|[-_])|(database|redis|postgres)[-_]?url/i;

/** Shorter values stand in ordinary text too often to be hidden everywhere. */
const SHORTEST_SECRET = 6;

/** Whether a variable, header or option of this name usually holds a secret. */
export function isSecretName(name: string): boolean {
  return settingName.test(name) || isTellingName(name);
}

/** A header's scheme, with the space after it; empty where the value has none. */
export function schemeOf(value: string): string {
  return /^(?:bearer|basic|token)\s+/i.exec(value)?.[0] ?? '';
}

export function isLongEnough(secret: string): boolean {
  return secret.length >= SHORTEST_SECRET;
}

/**
 * The literal values to hide for one configured value: itself, a header's credential without its scheme, and
 * what stands under a secret's name where the value is a JSON object.
 */
export function toSecretValues(value: string): string[] {
  const credential = value.slice(schemeOf(value).length);
  const hasCredential = credential !== value && /^\S+$/.test(credential);
  const inside = value.trimStart().startsWith('{') ? findSecrets(parseJson(value)) : [];
  return [value, ...(hasCredential ? [credential] : []), ...inside].filter(isLongEnough);
}

/** Settings are an operator's own, and no deeper than this. */
const MAX_DEPTH = 8;

function findSecrets(value: unknown, depth = 0): string[] {
  if (depth > MAX_DEPTH) return [];
  return Object.entries(toRecord(value)).flatMap(([name, inner]) => {
    if (typeof inner !== 'string') return findSecrets(inner, depth + 1);
    return isSecretName(name) ? [inner] : [];
  });
}

/** The password inside a connection URL, as it is written and as it is meant. */
export function passwordOf(url: string | undefined): string[] {
  if (url === undefined || !URL.canParse(url)) return [];
  const { password } = new URL(url);
  return isLongEnough(password) ? [...new Set([password, decodeURIComponent(password)])] : [];
}
