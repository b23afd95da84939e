// Takes secrets out of what git says: what stands before the host of a URL, and the secrets we know of.

const USER_INFO = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#'"]*@/gi;

/** `text` with the user part of every URL, and each of `secrets`, replaced by three asterisks. */
export function redact(text: string, secrets: readonly string[] = []): string {
  return secrets
    .filter((secret) => secret.length > 0)
    .reduce((plain, secret) => plain.replaceAll(secret, '***'), text)
    .replaceAll(USER_INFO, '$1***@');
}
