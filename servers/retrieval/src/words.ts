// Text as words to search by. An identifier counts whole and by its parts (camelCase, snake_case,
// acronyms, digits), because people ask for "http server" and code says `createHTTPServer2`.

const TOKEN = /[\p{L}_$][\p{L}\p{M}\p{N}_$]*|\p{N}+/gu;
/** The same for plain text, several times as quick. */
const ASCII_TOKEN = /[A-Za-z_$][\w$]*|\d+/g;
const BEYOND_ASCII = /[^\0-\x7f]/;
const LOWER_UPPER = /(\p{Ll}|\p{N})(\p{Lu})/gu;
const ACRONYM = /(\p{Lu})(\p{Lu}\p{Ll})/gu;
const LETTER_DIGIT = /(\p{L})(\p{N})/gu;
const DIGIT_LETTER = /(\p{N})(\p{L})/gu;
/** A longer token is data, such as a key in base 64, and no word. */
const MAX_TOKEN = 100;
const MAX_KNOWN = 20_000;

/** The parts of one identifier, in lower case; one part when there is nothing to split. */
export function splitIdentifier(identifier: string): string[] {
  return identifier
    .replaceAll(LOWER_UPPER, '$1 $2')
    .replaceAll(ACRONYM, '$1 $2')
    .replaceAll(LETTER_DIGIT, '$1 $2')
    .replaceAll(DIGIT_LETTER, '$1 $2')
    .toLowerCase()
    .split(/[\s_$]+/)
    .filter((part) => part !== '');
}

/**
 * Each token of `text` whole, followed by its parts where it has more than one; no token more often
 * than `most` times, because BM25 makes little of more and an index much longer.
 */
export function createWordSplitter(most = 3): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const words: string[] = [];
    const times = new Map<string, number>();
    for (const token of text.match(BEYOND_ASCII.test(text) ? TOKEN : ASCII_TOKEN) ?? []) {
      const before = times.get(token) ?? 0;
      if (before >= most || token.length > MAX_TOKEN) continue;
      times.set(token, before + 1);
      let split = known.get(token);
      if (split === undefined) {
        const parts = splitIdentifier(token);
        const whole = token.toLowerCase();
        split = parts.length === 1 && parts[0] === whole ? whole : [whole, ...parts].join(' ');
        if (known.size >= MAX_KNOWN) known.clear();
        known.set(token, split);
      }
      words.push(split);
    }
    return words.join(' ');
  };
}

/** Words that say nothing about what is looked for. */
const STOP_WORDS = new Set(
  (
    'a an and any are as at be by can do does each for from get given gets has have how i if in into is it ' +
    'its me my of on or our so some than that the their them then there these this to use used using ' +
    'want was we what when where which who why will with you your'
  ).split(' '),
);
const MAX_QUERY_WORDS = 64;

/** The distinct words of a question, in lower case, without those that every text has. */
export function toQueryWords(question: string): string[] {
  const all = createWordSplitter()(question)
    .split(' ')
    .filter((word) => word !== '');
  const telling = all.filter((word) => !STOP_WORDS.has(word));
  return [...new Set(telling.length > 0 ? telling : all)].slice(0, MAX_QUERY_WORDS);
}
