// Reads robots.txt and answers for one path (RFC 9309). The file is hostile: its size, the number of its
// rules and the cost of matching are bounded, and patterns never become regular expressions.

/** RFC 9309, 2.5: at least 500 KiB are read. */
const MAX_CHARACTERS = 512 * 1024;
/** Of all patterns of a group; what matching costs grows with it. */
const MAX_PATTERN_CHARACTERS = 128 * 1024;
const MAX_PATH = 2048;
const MAX_SITEMAPS = 100;

interface Rule {
  isAllowed: boolean;
  pattern: string;
}

export interface RobotsRules {
  /** Of a path with its query. */
  isAllowed(path: string): boolean;
  /** Seconds between requests, if it asks for any. */
  crawlDelay: number | undefined;
  /** As the file names them. */
  sitemaps: readonly string[];
}

interface Group {
  agents: string[];
  rules: Rule[];
  crawlDelay: number | undefined;
}

export const ALLOW_ALL: RobotsRules = {
  isAllowed: () => true,
  crawlDelay: undefined,
  sitemaps: [],
};

/** Octets in one spelling: what need not be encoded is not, what must be is, hex in upper case. */
function normalize(text: string): string {
  return text
    .replaceAll(/[^\u0021-\u007e]+/g, (part) =>
      Buffer.from(part).toString('hex').replaceAll(/../g, '%$&'),
    )
    .replaceAll(/%([0-9a-fA-F]{2})/g, (whole, hex: string) => {
      const character = String.fromCodePoint(parseInt(hex, 16));
      return /[a-zA-Z0-9\-._~]/.test(character) ? character : whole.toUpperCase();
    });
}

/** With `*` for anything and `$` for the end. */
function matches(pattern: string, path: string): boolean {
  const isAnchored = pattern.endsWith('$');
  const [first = '', ...others] = (isAnchored ? pattern.slice(0, -1) : pattern).split('*');
  if (!path.startsWith(first)) return false;
  if (others.length === 0) return !isAnchored || path.length === first.length;
  let at = first.length;
  const last = isAnchored ? others.pop() : undefined;
  for (const part of others) {
    const found = path.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return last === undefined || (path.length - last.length >= at && path.endsWith(last));
}

function parseGroups(text: string): { groups: Group[]; sitemaps: string[] } {
  const groups: Group[] = [];
  const sitemaps: string[] = [];
  let open: Group | undefined;
  let isNaming = false;
  for (const line of text.slice(0, MAX_CHARACTERS).split(/\r\n|\r|\n/)) {
    const content = line.split('#', 1)[0] ?? '';
    const colon = content.indexOf(':');
    if (colon < 0) continue;
    const key = content.slice(0, colon).trim().toLowerCase();
    const value = content.slice(colon + 1).trim();
    if (key === 'sitemap') {
      // A fragment is no part of it, and the address may have been cut by `#` alone.
      if (sitemaps.length < MAX_SITEMAPS && value.length <= MAX_PATH) sitemaps.push(value);
      continue;
    }
    if (key === 'user-agent') {
      if (!isNaming || open === undefined) {
        open = { agents: [], rules: [], crawlDelay: undefined };
        groups.push(open);
      }
      isNaming = true;
      open.agents.push(value.toLowerCase());
      continue;
    }
    if (!['allow', 'disallow', 'crawl-delay'].includes(key)) continue;
    isNaming = false;
    if (open === undefined) continue;
    if (key === 'crawl-delay') {
      const seconds = Number.parseFloat(value);
      if (seconds >= 0) open.crawlDelay = seconds;
    } else if (value !== '') {
      open.rules.push({
        isAllowed: key === 'allow',
        pattern: normalize(value.slice(0, MAX_PATH)).replaceAll(/\*{2,}/g, '*'),
      });
    }
  }
  return { groups, sitemaps };
}

/** The groups that name `agent`, together; without any, those for `*`. */
export function parseRobots(text: string, agent: string): RobotsRules {
  const { groups, sitemaps } = parseGroups(text.replace(/^\ufeff/, ''));
  const name = agent.toLowerCase();
  const isNamed = (given: string) => (/^[a-z_-]+/.exec(given)?.[0] ?? given) === name;
  const named = groups.filter(({ agents }) => agents.some(isNamed));
  const chosen = named.length > 0 ? named : groups.filter(({ agents }) => agents.includes('*'));
  let characters = 0;
  const rules = chosen
    .flatMap((group) => group.rules)
    .filter(({ pattern }) => (characters += pattern.length) <= MAX_PATTERN_CHARACTERS);
  return {
    crawlDelay: chosen.find((group) => group.crawlDelay !== undefined)?.crawlDelay,
    sitemaps,
    isAllowed(path) {
      const shown = normalize(path).slice(0, MAX_PATH);
      // The longest match decides; of two equal ones, the one that allows (RFC 9309, 2.2.2).
      let best: Rule | undefined;
      for (const rule of rules) {
        const { length } = rule.pattern;
        const bestLength = best?.pattern.length ?? -1;
        if (length < bestLength || (length === bestLength && !rule.isAllowed)) continue;
        if (matches(rule.pattern, shown)) best = rule;
      }
      return best?.isAllowed ?? true;
    },
  };
}
