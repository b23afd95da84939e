// The worker's side of calls/large-json: one job after another, each from bytes to bytes. It is an
// entry of its own in the bundle (scripts/bundle.mjs).
import { createHash } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort } from 'node:worker_threads';
import {
  ARGUMENTS_MARK,
  type Job,
  type JobResult,
  type LoggedBytes,
  type ToWorker,
} from './calls/large-json/jobs.ts';
import { LARGE_BYTES, SKELETON_BYTES } from './calls/large-json/large-json.ts';
import { REQUEST_LIMITS, weighJson } from './calls/large-json/json-weight.ts';
import { isSameJson, toCheckedResult } from './calls/tool-result.ts';
import { PREVIEW_CHARACTERS } from './runs/event-text.ts';
import { toJsonText } from './json-text.ts';
import { createRedact } from './secrets/redaction.ts';
import { MAX_ENTRIES } from './upstreams/bounded-list.ts';
import { findResult } from './upstreams/stdio/inbound-message.ts';
import { type JsonRecord, isRecord } from './json-record.ts';

/** Lists that a server's answer may hold. */
const LISTS = ['tools', 'resources', 'resourceTemplates', 'prompts'];
/** Less than half of the worker's memory; the rest is for text. */
const MESSAGE_LIMITS = { depth: Infinity, weight: 192 * 1024 * 1024 };
const META_BYTES = 64 * 1024;
const ENTRY_BYTES = 1024 * 1024;
/** Of what is left out. */
const MAX_NAMES = 20;
const NAME_CHARACTERS = 256;
/** Half of these are parsed in place at once. */
const SLICE_BYTES = 128 * 1024;

/** V8 would let much more than this pile up before it frees the memory of jobs that are done. */
const COLLECT_BYTES = 1024 * 1024;
let uncollected = 0;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // what the flag exposes
let literals: readonly string[] = [];
const redact = createRedact({ literals: () => literals });
const encoder = new TextEncoder();
const decoder = new TextDecoder();
yieldToOthers();
const port = parentPort;

port?.on('message', ({ job, literals: given }: ToWorker) => {
  if (given.join('\0') !== literals.join('\0')) literals = given;
  const result = work(job);
  port.postMessage(result, toBuffers(result));
  uncollected += job.parts.reduce((sum, { length }) => sum + length, 0);
  if (uncollected <= COLLECT_BYTES) return;
  uncollected = 0;
  collectGarbage();
});

/** Where threads have priorities of their own, the event loop goes before this one. */
function yieldToOthers(): void {
  if (process.platform !== 'linux') return;
  const [, , thread] = readlinkSync('/proc/thread-self').split('/');
  setPriority(Number(thread), constants.priority.PRIORITY_BELOW_NORMAL);
}

function work(job: Job): JobResult {
  const bytes = Buffer.concat(job.parts);
  if (job.kind === 'log') {
    return { kind: 'logged', bytes: toOwn(bytes), logged: toLogged(bytes.toString('utf8'), bytes) };
  }
  const limits = job.kind === 'request' ? REQUEST_LIMITS : MESSAGE_LIMITS;
  const { depth, weight } = weighJson(bytes, limits);
  if (depth > limits.depth) return { kind: 'too_deep' };
  if (weight > limits.weight) {
    return { kind: job.kind === 'request' ? 'too_many_values' : 'too_large' };
  }
  const text = decoder.decode(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: 'not_json' };
    throw error;
  }
  return job.kind === 'request'
    ? splitRequest(value, job.at)
    : splitMessage(value, text, job.requests);
}

function splitRequest(value: unknown, at: 'params' | 'body'): JobResult {
  const holder = at === 'body' || !isRecord(value) ? value : value['params'];
  if (isRecord(holder) && isRecord(holder['arguments'])) {
    const text = toJsonText(holder['arguments']);
    if (text.length > LARGE_BYTES / 2) {
      holder['arguments'] = ARGUMENTS_MARK;
      const skeleton = toJsonText(value);
      if (skeleton.length > SKELETON_BYTES) return { kind: 'too_large' };
      const bytes = encoder.encode(text);
      const logged = toLogged(text, bytes);
      const sha256 = logged.body === undefined ? logged.sha256 : toSha256(bytes);
      return { kind: 'split', skeleton, large: { bytes, sha256, logged } };
    }
  }
  const skeleton = toJsonText(value);
  return skeleton.length > SKELETON_BYTES ? { kind: 'too_large' } : { kind: 'split', skeleton };
}

function splitMessage(
  value: unknown,
  line: string,
  requests: readonly (number | string)[],
): JobResult {
  if (!isRecord(value) || value['jsonrpc'] !== '2.0') return { kind: 'malformed' };
  const { id, result, error } = value;
  if (value['method'] !== undefined) return toSmall(value, undefined);
  if (typeof id !== 'number' && typeof id !== 'string') return { kind: 'malformed' };
  if (isRecord(error) && result === undefined) {
    const { code, message } = error;
    const short = typeof message === 'string' ? message.slice(0, LARGE_BYTES) : message;
    return toSmall({ jsonrpc: '2.0', id, error: { code, message: short } }, id);
  }
  if (!isRecord(result)) return toSmall({ jsonrpc: '2.0', id, result: null }, id);
  return requests.includes(id)
    ? splitList(value, result, id)
    : (splitResult(id, result, line) ?? toSmall(value, id));
}

/** Undefined when the result is not one that ends a call. */
function splitResult(id: number | string, result: JsonRecord, line: string): JobResult | undefined {
  const { _meta: meta, resultType, ...rest } = result;
  if (meta !== undefined && (!isRecord(meta) || toJsonText(meta).length > META_BYTES)) {
    return { kind: 'too_large', id };
  }
  if (resultType !== undefined && resultType !== 'complete') return undefined;
  // An empty object takes no further field after a comma.
  if (Object.keys(rest).length === 0) return undefined;
  const checked = toCheckedResult(rest);
  const isPlain = checked !== undefined && isSameJson(checked, rest);
  const isWhole = meta === undefined && resultType === undefined;
  const text = (isWhole ? findResult(line)?.text : undefined) ?? toJsonText(rest);
  const bytes = encoder.encode(text);
  return {
    kind: 'result',
    id,
    bytes,
    logged: toLogged(text, bytes),
    ...(checked !== undefined && !isPlain && { asTool: encoder.encode(toJsonText(checked)) }),
    facts: { isError: result['isError'] === true, resultType, meta, isTool: checked !== undefined },
  };
}

function splitList(message: JsonRecord, result: JsonRecord, id: number | string): JobResult {
  const key = LISTS.find((name) => Array.isArray(result[name]));
  const entries = key === undefined ? undefined : result[key];
  if (key === undefined || !Array.isArray(entries)) return toSmall(message, id);
  const skeleton = toJsonText({ ...message, result: { ...result, [key]: [] } });
  if (skeleton.length > SKELETON_BYTES) return { kind: 'too_large', id };
  const slices: string[] = [];
  let slice: string[] = [];
  let size = 0;
  const names: string[] = [];
  let count = 0;
  const end = (): void => {
    if (slice.length > 0) slices.push(`[${slice.join(',')}]`);
    slice = [];
    size = 0;
  };
  // One more than is taken, which says that there are more.
  for (const entry of entries.slice(0, MAX_ENTRIES + 1)) {
    const text = toJsonText(entry);
    // No client shows a model an entry that large, and parsing it would hold up everybody.
    if (text.length > ENTRY_BYTES) {
      count += 1;
      if (names.length < MAX_NAMES) names.push(toEntryName(entry));
      continue;
    }
    if (size + text.length > SLICE_BYTES) end();
    slice.push(text);
    size += text.length;
  }
  end();
  const bytes = encoder.encode(slices.join(''));
  let at = 0;
  const ends = slices.map((text) => (at += Buffer.byteLength(text)));
  return { kind: 'sliced', skeleton, list: { key, bytes, ends, leftOut: { names, count } } };
}

function toEntryName(entry: unknown): string {
  if (!isRecord(entry)) return '';
  const name = entry['name'] ?? entry['uri'] ?? entry['uriTemplate'];
  return typeof name === 'string' ? name.slice(0, NAME_CHARACTERS) : '';
}

/** A message that is parsed in place. */
function toSmall(message: unknown, id: number | string | undefined): JobResult {
  const skeleton = toJsonText(message);
  if (skeleton.length <= SKELETON_BYTES) return { kind: 'sliced', skeleton };
  return id === undefined ? { kind: 'malformed' } : { kind: 'too_large', id };
}

/** @param bytes the same text */
function toLogged(text: string, bytes: Uint8Array): LoggedBytes {
  const redacted = redact(text);
  const body = redacted === text ? bytes : encoder.encode(redacted);
  return {
    size: bytes.length,
    sha256: toSha256(body),
    preview: redacted.slice(0, PREVIEW_CHARACTERS),
    ...(redacted !== text && { body }),
  };
}

function toSha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest());
}

function toOwn(bytes: Buffer): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

function toBuffers(result: JobResult): ArrayBuffer[] {
  const views = [
    'bytes' in result ? result.bytes : undefined,
    'logged' in result ? result.logged.body : undefined,
    'asTool' in result ? result.asTool : undefined,
    'large' in result ? result.large?.bytes : undefined,
    'large' in result ? result.large?.logged.body : undefined,
    'list' in result ? result.list?.bytes : undefined,
  ];
  return views.flatMap((view) => (view?.buffer instanceof ArrayBuffer ? [view.buffer] : []));
}
