// Which settings are secrets, told by the names they stand under, and which values of them nothing may
// show. A setting's name is chosen for it and stands alone, so more words tell one than in any text, where
// most of them are prose; every name that tells a secret in a text does so here too.
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

/** The literal values to hide for one configured value: itself, and a header's credential without its scheme. */
export function toSecretValues(value: string): string[] {
  const credential = value.slice(schemeOf(value).length);
  const hasCredential = credential !== value && /^\S+$/.test(credential);
  return [value, ...(hasCredential ? [credential] : [])].filter(isLongEnough);
}

/** The password inside a connection URL, as it is written and as it is meant. */
export function passwordOf(url: string | undefined): string[] {
  if (url === undefined || !URL.canParse(url)) return [];
  const { password } = new URL(url);
  return isLongEnough(password) ? [...new Set([password, decodeURIComponent(password)])] : [];
}
