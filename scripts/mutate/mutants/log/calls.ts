// Faults on the way of a call: its page in the log, who is let in, and a bridge that stops.
import type { Mutant } from '../mutant.ts';

const PIPELINE = 'bridge/test/calls/pipeline.test.ts';
const FLOODS = 'bridge/test/calls/floods.test.ts';
const NOTES = 'bridge/test/calls/notes.test.ts';
const GATE = 'bridge/test/calls/call-gate.test.ts';

export const callMutants: readonly Mutant[] = [
  {
    name: 'the end of a call does not wait for its start',
    file: 'bridge/src/calls/call-record.ts',
    find: '      started,\n',
    replace: '      started?.catch(() => undefined),\n',
    tests: [PIPELINE],
  },
  {
    name: 'progress is not written',
    file: 'bridge/src/calls/call-record.ts',
    find: "this.#note(runId, { type: 'call.progress', payload: { callId, ...params } });",
    replace: '',
    tests: [NOTES],
  },
  {
    name: 'progress that could not be written is forgotten',
    file: 'bridge/src/calls/call-record.ts',
    find: 'this.#log.append(runId, event, this.#owner).catch((error: unknown) => this.#keep(error));',
    replace: 'this.#log.append(runId, event, this.#owner).catch(() => undefined);',
    tests: [PIPELINE],
  },
  {
    name: 'progress goes into the log before the start of its call',
    file: 'bridge/src/calls/call-record.ts',
    find: 'void this.start().catch((error: unknown) => this.#keep(error));',
    replace: '',
    tests: [NOTES],
  },
  {
    name: 'an answer leaves before its end is committed',
    file: 'bridge/src/calls/record.ts',
    find: 'const committed = await record.end(outcome, durationMs).then(',
    replace:
      'void record.end(outcome, durationMs);\n    const committed = await Promise.resolve().then(',
    tests: [PIPELINE],
  },
  {
    name: 'what was left out of the log is not told there',
    file: 'bridge/src/calls/call-record.ts',
    find: 'if (this.#leftOut > 0) this.#tellLeftOut();',
    replace: '',
    tests: [NOTES],
  },
  {
    name: "a server's error reaches its caller with its secrets",
    file: 'bridge/src/calls/record.ts',
    find: 'withText(redactError(answered, redact))',
    replace: 'withText(answered)',
    tests: [PIPELINE],
  },
  {
    name: "a server's share of the log never fills up again",
    file: 'bridge/src/calls/note-budget.ts',
    find: 'share.left = Math.min(FULL, share.left + ((time - share.at) * PER_SECOND) / 1_000);',
    replace: '',
    tests: [NOTES],
  },
  {
    name: 'one server takes the share of the log of another',
    file: 'bridge/src/calls/note-budget.ts',
    find: 'shares.set(upstream, share);',
    replace: "shares.set('', share);",
    tests: [NOTES],
  },
  {
    name: 'a call of unknown effect is sent before it is in the log',
    file: 'bridge/src/calls/write-ahead.ts',
    find: "if (call.target.effect !== 'read') {",
    replace: "if (call.target.effect === 'write') {",
    tests: [PIPELINE],
  },
  {
    name: 'a call that could not be recorded is sent',
    file: 'bridge/src/calls/write-ahead.ts',
    find: 'return notLogged(error);',
    replace: 'notLogged(error);',
    tests: [PIPELINE],
  },
  {
    name: 'a place in the window is not given back',
    file: 'bridge/src/calls/admit.ts',
    find: 'if (begun !== undefined) window.leave(begun);',
    replace: '',
    tests: [FLOODS],
  },
  {
    name: 'large arguments are never given back',
    file: 'bridge/src/calls/admit.ts',
    find: 'const stillHeld = (largeBytes.get(principalId) ?? 0) - bytes;',
    replace: 'const stillHeld = largeBytes.get(principalId) ?? 0;',
    tests: [PIPELINE],
  },
  {
    name: 'a call whose caller has left is sent',
    file: 'bridge/src/calls/admit.ts',
    find: "return call.signal.aborted ? { kind: 'cancelled' } : await next(admitted);",
    replace: 'return await next(admitted);',
    tests: [PIPELINE],
  },
  {
    name: 'who comes later overtakes who waits for the window',
    file: 'bridge/src/calls/window.ts',
    find: 'if (waiting.sizeOf(owner) > 0 || !mayBegin(owner)) return false;',
    replace: 'if (!mayBegin(owner)) return false;',
    tests: [FLOODS],
  },
  {
    name: 'calls that take long keep their place in the window',
    file: 'bridge/src/calls/window.ts',
    find: 'for (const call of begun.keys()) if (call.at <= before) leave(call);',
    replace: 'void before;',
    tests: [FLOODS],
  },
  {
    name: 'the window goes by the clock of the wall',
    file: 'bridge/src/calls/window.ts',
    find: 'now: () => number = () => performance.now()',
    replace: 'now: () => number = () => Date.now()',
    tests: [FLOODS],
  },
  {
    name: 'refusals beyond those in the log are not counted',
    file: 'bridge/src/calls/refusals.ts',
    find: 'flood.counted += 1;',
    replace: '',
    tests: [FLOODS],
  },
  {
    name: 'a bridge that stops gives calls under way no time',
    file: 'bridge/src/calls/call-gate.ts',
    find: 'await underWay.untilEmpty(graceMs);',
    replace: '',
    tests: [GATE],
  },
  {
    name: 'a bridge that stops waits though no call is under way any more',
    file: 'bridge/src/flow/drainable-map.ts',
    find: 'if (this.size === 0) this.#onEmpty?.();',
    replace: '',
    tests: [GATE],
  },
  {
    name: 'a call that was sent is called unsent when the bridge stops',
    file: 'bridge/src/calls/call-gate.ts',
    find: 'outcome.sent !== false',
    replace: '"sent" in outcome',
    tests: [GATE],
  },
  {
    name: 'a call that waited twice tells its server of one wait',
    file: 'bridge/src/calls/admit.ts',
    find: 'const before = call.waitedMs ?? 0;',
    replace: 'const before = 0;',
    tests: [FLOODS],
  },
  {
    name: 'a call that failed counts as under way for ever',
    file: 'bridge/src/calls/call-gate.ts',
    find: '            underWay.delete(call);\n            reject(error);',
    replace: '            reject(error);',
    tests: [GATE],
  },
];
