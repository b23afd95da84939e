// Secrets written in plain text, told by the name they stand under or by their shape. Each gets a
// variable in its place, so that a copy of a client's file is not one more copy of its secrets.
import { isToken } from '../../secrets/secret-shapes.ts';
import { isLongEnough, isSecretName, schemeOf } from '../../secrets/setting-secrets.ts';
import { toVariableName } from '../variables.ts';

export interface PlainSecret {
  /** Such as `env.GITHUB_TOKEN` or `args.3`. */
  readonly place: string;
  readonly variable: string;
}

export interface TakenSecrets {
  /** The entry with `${VARIABLE}` in the place of each secret. */
  readonly entry: Readonly<Record<string, unknown>>;
  readonly secrets: readonly PlainSecret[];
}

const PASSWORD_IN_URL = /^([a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:)([^/\s@]+)(@.*)$/is;

/**
 * `nameFor` gives each secret its variable: the wanted name, or another where that one is taken by
 * another value.
 */
export function takePlainSecrets(
  name: string,
  entry: Readonly<Record<string, unknown>>,
  nameFor: (wanted: string, secret: string) => string,
): TakenSecrets {
  const secrets: PlainSecret[] = [];
  const take = (place: string, wanted: string, secret: string): string => {
    const variable = nameFor(wanted, secret);
    secrets.push({ place, variable });
    return `\${${variable}}`;
  };
  /** The text with its secret replaced. `key` is the name it stands under. */
  const clean = (text: string, { place, key, wanted }: Place): string => {
    if (text.includes('${')) return text;
    const url = PASSWORD_IN_URL.exec(text);
    if (url !== null) return `${url[1]}${take(place, `${wanted}_PASSWORD`, url[2] ?? '')}${url[3]}`;
    const scheme = schemeOf(text);
    const secret = text.slice(scheme.length);
    const isSecret = isToken(secret) || scheme !== '' || isSecretName(key);
    return isSecret && isLongEnough(secret) ? scheme + take(place, wanted, secret) : text;
  };
  const cleaned: Record<string, unknown> = { ...entry };
  for (const field of ['env', 'headers'] as const) {
    if (!isTexts(entry[field])) continue;
    cleaned[field] = Object.fromEntries(
      Object.entries(entry[field]).map(([key, text]) => {
        const wanted = toVariableName(field === 'env' ? key : `${name}_${key}`);
        return [key, clean(text, { place: `${field}.${key}`, key, wanted })];
      }),
    );
  }
  if (Array.isArray(entry['args'])) {
    cleaned['args'] = entry['args'].map((text: unknown, index, all: unknown[]) => {
      if (typeof text !== 'string') return text;
      const place = `args.${index}`;
      const [, option = '', value] = /^(--?[\w-]+=)(.*)$/s.exec(text) ?? [];
      const before = all[index - 1];
      const key = option === '' && isOption(before) ? before : option;
      const wanted = toVariableName(`${name}_${key}`);
      if (value !== undefined) return option + clean(value, { place, key: toKey(key), wanted });
      return isOption(text) ? text : clean(text, { place, key: toKey(key), wanted });
    });
  }
  if (typeof entry['url'] === 'string') cleaned['url'] = cleanUrl(entry['url'], name, clean);
  return { entry: cleaned, secrets };
}

interface Place {
  readonly place: string;
  readonly key: string;
  readonly wanted: string;
}

/** Passwords and keys in the query of a URL. */
function cleanUrl(url: string, name: string, clean: (text: string, at: Place) => string): string {
  const withoutPassword = clean(url, { place: 'url', key: '', wanted: toVariableName(name) });
  return withoutPassword.replaceAll(
    /([?&])([^=&#]+)=([^&#]+)/g,
    (_whole, sign: string, key: string, value: string) => {
      const wanted = toVariableName(`${name}_${key}`);
      return `${sign}${key}=${clean(value, { place: `url?${key}`, key, wanted })}`;
    },
  );
}

function isOption(text: unknown): text is string {
  return typeof text === 'string' && /^--?[A-Za-z][\w-]*$/.test(text);
}

function toKey(option: string): string {
  return option.replaceAll(/^-+|=$/g, '');
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((text) => typeof text === 'string')
  );
}
