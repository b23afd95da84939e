import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/telemetry/logger.ts';

const collect = () => {
  const lines: string[] = [];
  return { lines, stream: { write: (line: string) => void lines.push(line) } };
};

describe('createLogger', () => {
  it('writes one JSON object a line, with level and time in words and ids as fields', async () => {
    const { lines, stream } = collect();
    const logger = await createLogger({ pretty: false, stream });
    logger.child({ requestId: 'r1' }).info({ callId: 'c1' }, 'called');
    logger.debug('not at this level');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      requestId: 'r1',
      callId: 'c1',
      msg: 'called',
    });
  });

  it.each([
    { headers: { authorization: 'Bearer hunter2', accept: 'x' } },
    { req: { headers: { authorization: 'Bearer hunter2', cookie: 'hunter2' } } },
    { upstream: { headers: { 'x-api-key': 'hunter2', 'set-cookie': 'hunter2' } } },
  ])('never writes a credential of %j', async (fields) => {
    const { lines, stream } = collect();
    (await createLogger({ pretty: false, stream })).info(fields, 'x');
    expect(lines[0]).toContain('[redacted]');
    expect(lines[0]).not.toContain('hunter2');
  });

  it.each([false, true])(
    'replaces known secrets anywhere in a line (pretty: %s)',
    async (pretty) => {
      const { lines, stream } = collect();
      let secrets = ['first-secret'];
      const logger = await createLogger({ pretty, stream, secretValues: () => secrets });
      logger.warn({ stderr: 'using first-secret' }, 'first-secret');
      secrets = ['with"quote'];
      logger.warn({ error: new Error('bad with"quote') }, 'later');
      const all = lines.join('');
      expect(all).toContain('[redacted]');
      expect(all).not.toContain('first-secret');
      expect(all).not.toMatch(/with\\?"quote/);
    },
  );

  it('is readable where a person watches', async () => {
    const { lines, stream } = collect();
    (await createLogger({ pretty: true, stream })).info({ server: 'git' }, 'started');
    expect(lines.join('')).toMatch(/^\[\d\d:\d\d:\d\d\] INFO: started\n\s+server: "git"/);
  });
});
