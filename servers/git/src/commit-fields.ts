// Commits as git prints them for us: fields between NUL bytes, which no message can have in it.

const FIELDS = ['%H', '%P', '%an <%ae>', '%aI', '%s', '%b'];
export const COMMIT_FORMAT = `--format=${FIELDS.join('%x00')}%x00`;

export const COMMIT_FIELDS = 'hash, parents (of merges), author, date, subject, body';

export interface Commit {
  hash: string;
  parents?: string[];
  author: string;
  date: string;
  subject: string;
  body?: string;
}

const MAX_SUBJECT = 500;
const MAX_BODY = 4_000;

function cutAt(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}…`;
}

/** Reads what `git log -z` answers to {@link COMMIT_FORMAT}. */
export function parseCommits(output: string): Commit[] {
  const parts = output.split('\0');
  const width = FIELDS.length + 1;
  const commits: Commit[] = [];
  for (let at = 0; at + FIELDS.length <= parts.length; at += width) {
    const [hash = '', parents = '', author = '', date = '', subject = '', body = ''] = parts.slice(
      at,
      at + FIELDS.length,
    );
    if (hash === '') continue;
    const all = parents.split(' ').filter((each) => each !== '');
    commits.push({
      hash,
      ...(all.length > 1 && { parents: all }),
      author: cutAt(author, MAX_SUBJECT),
      date,
      subject: cutAt(subject, MAX_SUBJECT),
      ...(body.trim() !== '' && { body: cutAt(body.trim(), MAX_BODY) }),
    });
  }
  return commits;
}

/** As a reader sees it. */
export function toText({ hash, author, date, subject, body }: Commit): string {
  const head = `${hash.slice(0, 12)} ${date} ${author}\n    ${subject}`;
  return body === undefined ? head : `${head}\n\n    ${body.replaceAll('\n', '\n    ')}`;
}
