// Faults in the catalog and at the servers: pins, configurations, breakers, instances, repeated calls.
import type { Mutant } from '../mutant.ts';

const DISCOVERY = 'bridge/test/catalog/discovery.test.ts';
const CATALOG = 'bridge/test/catalog/catalog.test.ts';
const LISTINGS = 'bridge/test/store/listing-store.test.ts';
const BREAKER = 'bridge/test/upstreams/breaker.test.ts';
const RECOVERY = 'bridge/test/upstreams/recovery.test.ts';
const SUPERVISION = 'bridge/test/upstreams/supervision.test.ts';
const HTTP = 'bridge/test/upstreams/http.test.ts';

export const serverMutants: readonly Mutant[] = [
  {
    name: 'a new pin is never stored',
    file: 'bridge/src/catalog/listing-saves.ts',
    find: 'pins: fresh }',
    replace: 'pins: [] }',
    tests: [DISCOVERY],
  },
  {
    name: 'a pin that the store misses is not stored with a known listing',
    file: 'bridge/src/catalog/listing-saves.ts',
    find: 'if (saved.get(name) === version && unpinned.length === 0) return;',
    replace: 'if (saved.get(name) === version) return;',
    tests: [DISCOVERY],
  },
  {
    name: 'what could not be saved is taken for saved',
    file: 'bridge/src/catalog/listing-saves.ts',
    find: '        saved.delete(name);\n        logger',
    replace: '        logger',
    tests: [DISCOVERY],
  },
  {
    name: 'what a server offers under settings of before is taken',
    file: 'bridge/src/catalog/discovery.ts',
    find: 'if (config?.fingerprint !== event.fingerprint) return;',
    replace: 'if (config === undefined) return;',
    tests: [DISCOVERY],
  },
  {
    name: 'the listing and pins of another configuration are used',
    file: 'bridge/src/store/listing-store.ts',
    find: '      eq(upstreams.fingerprint, fingerprint),\n',
    replace: '',
    tests: [LISTINGS],
  },
  {
    name: 'an approval is not kept for a definition that is pinned already',
    file: 'bridge/src/store/listing-store.ts',
    find: 'where excluded.approved_at is not null`',
    replace: 'where false`',
    tests: [LISTINGS],
  },
  {
    name: 'what a server offered under other settings is served',
    file: 'bridge/src/catalog/catalog.ts',
    find: 'if (configs.get(upstream)?.fingerprint === fingerprint) {',
    replace: 'if (configs.has(upstream)) {',
    tests: [CATALOG],
  },
  {
    name: 'a name keeps its age under another configuration',
    file: 'bridge/src/catalog/catalog.ts',
    find: 'const known = before?.fingerprint === fingerprint ? before : undefined;',
    replace: 'const known = before;',
    tests: [CATALOG],
  },
  {
    name: 'another command is the same configuration',
    file: 'bridge/src/settings/servers.ts',
    find: "toFingerprint(['stdio', command, args, Object.keys(env).sort()])",
    replace: "toFingerprint(['stdio', command, Object.keys(env).sort()])",
    tests: ['bridge/test/settings/settings.test.ts'],
  },
  {
    name: 'a half-open breaker lets everybody through',
    file: 'bridge/src/upstreams/breaker.ts',
    find: "return breaker.trial ? { kind: 'refuse', retryAt: now } : { kind: 'pass' };",
    replace: "return { kind: 'pass' };",
    tests: [BREAKER],
  },
  {
    name: 'the one trial of a half-open breaker is not noted',
    file: 'bridge/src/upstreams/supervised-upstream.ts',
    find: 'this.#breaker = afterStartBegan(this.#breaker, performance.now());',
    replace: 'void afterStartBegan;',
    tests: [RECOVERY],
  },
  {
    name: 'a trial that worked is never over',
    file: 'bridge/src/upstreams/supervised-upstream.ts',
    find: 'this.#breaker = afterStarted(this.#breaker);',
    replace: 'void afterStarted;',
    tests: [RECOVERY],
  },
  {
    name: 'an answer does not close the breaker',
    file: 'bridge/src/upstreams/supervised-upstream.ts',
    find: 'if (this.#breaker.failures > 0) this.#breaker = closedBreaker;',
    replace: '',
    tests: [RECOVERY],
  },
  {
    name: 'the breaker never opens',
    file: 'bridge/src/upstreams/breaker.ts',
    find: 'const failures = breaker.failures + 1;',
    replace: 'const failures = 1;',
    tests: [BREAKER],
  },
  {
    name: 'a failed start does not count',
    file: 'bridge/src/upstreams/supervised-upstream.ts',
    find: 'if (!signal.aborted) this.#noteFailure(',
    replace: 'if (signal.aborted) this.#noteFailure(',
    tests: [RECOVERY],
  },
  {
    name: 'a busy instance makes room for another',
    file: 'bridge/src/upstreams/instance-pool.ts',
    find: 'instance.leases === 0 && instance.connection !== undefined',
    replace: 'instance.connection !== undefined',
    tests: [SUPERVISION],
  },
  {
    name: 'an instance is idle though another call is under way',
    file: 'bridge/src/upstreams/instance-pool.ts',
    find: 'if (ms === 0 || instance.leases > 0 || ',
    replace: 'if (ms === 0 || ',
    tests: [SUPERVISION],
  },
  {
    name: 'two callers at once start two processes for one key',
    file: 'bridge/src/upstreams/instance-pool.ts',
    find: 'instances.find((one) => one.key === key) ??',
    replace: 'instances.find((one) => one.key === key && one.connection) ??',
    tests: [SUPERVISION],
  },
  {
    name: 'the next process of a key starts while the last one ends',
    file: 'bridge/src/upstreams/instance-pool.ts',
    find: 'await this.#stopping.get(key);',
    replace: '',
    tests: [RECOVERY],
  },
  {
    name: 'a call that may have been carried out is sent again',
    file: 'bridge/src/upstreams/supervised-upstream.ts',
    find: 'if (attempt === 1 && (isRepeatable || !end.sent)) break;',
    replace: 'if (attempt === 1) break;',
    tests: [HTTP],
  },
  {
    name: 'a POST whose connection was reset counts as not sent',
    file: 'bridge/src/upstreams/call-end.ts',
    find: 'sent: !NEVER_CONNECTED.has(network),',
    replace: 'sent: false,',
    tests: [HTTP],
  },
  {
    name: 'a POST that was answered with HTTP 500 counts as not sent',
    file: 'bridge/src/upstreams/call-end.ts',
    find: "if (status >= 500) return { kind: 'lost', sent: true,",
    replace: "if (status >= 500) return { kind: 'lost', sent: false,",
    tests: ['bridge/test/upstreams/call-end.test.ts'],
  },
];
