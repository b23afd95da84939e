import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../../src/fronts/listen.ts';

test.each(['0.0.0.0', '127.0.0.1', '::'])(
  'who listens on %s is announced at an address that requests may name',
  async (host) => {
    const listener = await listen({
      host,
      port: 0,
      edge: {
        connected() {},
        listener: (request, response) => response.end(request.headers.host),
      },
    });
    onTestFinished(listener.close);
    const said = await (await fetch(listener.url)).text();
    expect(said).toMatch(host === '::' ? /^\[::1\]:\d+$/ : /^127\.0\.0\.1:\d+$/);
  },
);
