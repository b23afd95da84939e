// The SDK's Transport over a server process of ours. Unlike the SDK's own it leads a process group, bounds what
// it reads and writes, survives malformed lines on stdout, and fails only the call whose answer is too large.
// It has `pid` and `stderr` as the SDK's stdio transport has, so the SDK finds out the era over this process and
// starts no second one.
import type { JSONRPCMessage } from '@modelcontextprotocol/client';
import type { Logger } from 'pino';
import type { LargeJsonReader, LargeMessage } from '../../calls/large-json/large-json.ts';
import { joinSlices } from '../../calls/large-json/slices.ts';
import { toMessage } from '../../errors.ts';
import { INTERNAL_ERROR } from '../../rpc-codes.ts';
import { spawnChild, type Child, type ChildDeps, type ChildSpec } from './child.ts';
import { NotificationLimit } from '../notification-limit.ts';
import { LineReader, firstBytes, lastBytes, type OversizedLine } from './line-reader.ts';
import { type LineTurns, readInTurns } from './line-turns.ts';
import { CLOSED_BY_US, type ServerTransport } from '../server-transport.ts';
import { type ParsedLine, parseLine, toInboundMessage } from './inbound-message.ts';
import { MalformedLines } from './malformed-lines.ts';
import { Outbox, toClosedError } from './outbox.ts';
import { toLineOwner } from './response-id.ts';
import { StderrRing } from './stderr-ring.ts';
import { StdioCalls } from './stdio-calls.ts';
import { waitAtMost } from '../../bounded-wait.ts';

export interface StdioTransportOptions extends ChildDeps {
  readonly spec: ChildSpec;
  /** The upstream's name, for messages. */
  readonly name: string;
  readonly maxMessageBytes: number;
  readonly largeJson: LargeJsonReader;
  readonly logger: Logger;
  /** Gets a copy of what the server writes to stderr, beside the transport's own ring. */
  readonly onStderr?: (chunk: Buffer) => void;
  /** Takes secrets out of what is read of stderr. */
  readonly redact?: (text: string) => string;
}

type RequestId = number | string;

/** After the process is gone, its last output may still be in the pipe. */
const DRAIN_MS = 250;
const EXIT_CODE_MS = 100;
/** Enough of a line to tell whose answer it is. */
const LINE_END_BYTES = 512;

export class StdioTransport implements ServerTransport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;

  /** A modern answer to the era probe came, perhaps after the probe was given up: the server is modern, only slow. */
  answeredProbe = false;
  /** Why the connection ended, in words; undefined while it lives. */
  endedBecause: string | undefined;
  readonly stderr: StderrRing;
  readonly calls = new StdioCalls({
    write: (message) => void this.#write(message),
    tell: (message) =>
      void this.send(message).catch((error: unknown) => this.onerror?.(toError(error))),
  });

  readonly #options: StdioTransportOptions;
  readonly #pending = new Set<RequestId>();
  readonly #notifications = new NotificationLimit({
    onDropped: (count) =>
      this.#options.logger.warn(
        { upstream: this.#options.name, count },
        'a server says more unasked than is listened to; some of it was dropped',
      ),
    deliver: (method) => this.#hand({ jsonrpc: '2.0', method }),
  });
  #child: Child | undefined;
  #closing: Promise<void> | undefined;
  #closeSeen = false;
  #outbox: Outbox | undefined;
  #turns: LineTurns | undefined;
  /** Large lines that a worker has. */
  readonly #large = new Set<Promise<void>>();
  readonly #malformed: MalformedLines;

  constructor(options: StdioTransportOptions) {
    this.#options = options;
    this.stderr = new StderrRing(options.redact);
    this.#malformed = new MalformedLines(options);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    const child = await spawnChild(this.#options.spec, this.#options);
    this.#child = child;
    const { stdin, stdout, stderr } = child.streams;
    this.#outbox = new Outbox(stdin, this.#options);
    const reader = new LineReader({
      maxBytes: this.#options.maxMessageBytes,
      onLine: (line) => this.#receive(line),
      onLargeLine: (parts) => void this.#receiveLarge(parts),
      onOversized: (line) => this.#refuse(line),
    });
    this.#turns = readInTurns(stdout, reader);
    stdout.once('end', () => void this.#endSoon('it closed its stdout'));
    stdout.on('error', (error) => void this.#endSoon(`its stdout failed: ${error.message}`));
    stdin.on('error', (error) => void this.#endSoon(`its stdin failed: ${error.message}`));
    stderr.on('data', (chunk: Buffer) => {
      this.stderr.push(chunk);
      this.#options.onStderr?.(chunk);
    });
    stderr.on('error', (error) => this.onerror?.(error));
    void this.#watch(child);
    if (this.#closing !== undefined) await child.stop();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const flows = this.#write(message);
    if ('method' in message) {
      if ('id' in message) this.#pending.add(message.id);
      else if (message.method === 'notifications/cancelled') {
        const id = message.params?.['requestId'];
        if (typeof id === 'number' || typeof id === 'string') this.#pending.delete(id);
      }
    }
    if (!flows) await this.#outbox?.drained();
  }

  /**
   * False when the server lags behind.
   * @throws DrawbridgeError
   */
  #write(message: JSONRPCMessage): boolean {
    if (this.#outbox === undefined || this.endedBecause !== undefined) throw toClosedError();
    return this.#outbox.write(message);
  }

  /** Idempotent; resolves when nothing of the process group is left. Never rejects. */
  async close(): Promise<void> {
    this.endedBecause ??= CLOSED_BY_US;
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #stop(): Promise<void> {
    // What the server wrote before it ended counts.
    if (this.endedBecause !== CLOSED_BY_US) await Promise.all(this.#large);
    this.#announceClose();
    this.#outbox?.flush();
    try {
      await this.#child?.stop();
    } catch (error) {
      this.#options.logger.error(
        { upstream: this.#options.name, pid: this.pid, error: toMessage(error) },
        'could not stop a server process',
      );
    }
  }

  async #watch(child: Child): Promise<void> {
    const how = await child.exited;
    // A grandchild may hold stdout open for ever, so its end is not waited for.
    const timer = setTimeout(() => this.#end(how), DRAIN_MS);
    child.streams.once('close', () => {
      clearTimeout(timer);
      this.#end(how);
    });
  }

  /** stdout ends a moment before the exit code is known, and the code is what an operator wants. */
  async #endSoon(why: string): Promise<void> {
    const exited = this.#child?.exited ?? Promise.resolve(why);
    this.#end((await waitAtMost(exited, EXIT_CODE_MS)) ?? why);
  }

  #end(why: string): void {
    if (this.endedBecause !== undefined) return;
    this.endedBecause = why;
    this.#closing ??= this.#stop();
  }

  #announceClose(): void {
    if (this.#closeSeen) return;
    this.#closeSeen = true;
    this.#notifications.close();
    this.#pending.clear();
    this.calls.end(this.endedBecause ?? CLOSED_BY_US);
    this.onclose?.();
  }

  #receive(line: Buffer): void {
    let parsed: ParsedLine;
    try {
      parsed = parseLine(line.toString('utf8'));
    } catch {
      this.#countMalformed(line);
      return;
    }
    this.#takeValue(parsed.value, parsed.text, line);
  }

  #takeValue(value: unknown, text: string | undefined, line: Buffer): void {
    // 2025-03-26 allowed batches.
    for (const item of Array.isArray(value) ? value : [value]) {
      const received = toInboundMessage(item);
      if (received.kind === 'message') this.#deliver(received.message, text);
      else if (received.kind === 'malformed') this.#countMalformed(line);
      else {
        const { name } = this.#options;
        const message = `upstream "${name}" broke the protocol: its answer is neither a result nor an error`;
        this.#fail(received.id, { code: 'upstream/protocol', message });
      }
    }
  }

  /** Never rejects. */
  #receiveLarge(parts: readonly Buffer[]): Promise<void> {
    const { name, largeJson } = this.#options;
    const head = firstBytes(parts, LINE_END_BYTES).toString('utf8');
    const tail = lastBytes(parts, LINE_END_BYTES).toString('utf8');
    const turns = this.#turns;
    // What a server tells meanwhile comes before what it says next; answers may come in any order.
    const isAnswer = toLineOwner(head, tail).kind !== 'not_a_response';
    if (!isAnswer) turns?.hold();
    const read = async (): Promise<void> => {
      try {
        const message = await largeJson.message(parts, {
          owner: `upstream ${name}`,
          requests: [...this.#pending],
        });
        await this.#takeLarge(message, { head, tail, ended: true });
      } catch (error) {
        this.#options.logger.warn(
          { upstream: name, error: toMessage(error) },
          'a large line was lost',
        );
        this.#refuse({ head, tail, ended: true }, (id) => this.#failUnreadable(id));
      } finally {
        if (!isAnswer) turns?.release();
        this.#large.delete(reading);
      }
    };
    const reading = read();
    this.#large.add(reading);
    if (largeJson.held.isFull) {
      turns?.hold();
      largeJson.held.onRoom(() => turns?.release());
    }
    return reading;
  }

  async #takeLarge(message: LargeMessage, line: OversizedLine): Promise<void> {
    switch (message.kind) {
      case 'result':
        this.calls.takeLarge(message.id, message.result);
        return;
      case 'sliced':
        this.#takeValue(await joinSlices(message), undefined, Buffer.from(line.head));
        return;
      case 'too_large':
        if (message.id === undefined) this.#refuse(line, (id) => this.#failUnreadable(id));
        else this.#failUnreadable(message.id);
        return;
      case 'malformed':
        this.#countMalformed(Buffer.from(line.head));
    }
  }

  #deliver(message: JSONRPCMessage, text: string | undefined): void {
    if ('method' in message && !('id' in message) && !this.#admits(message.method)) return;
    if (this.calls.take(message, text)) return;
    if ('method' in message) {
      this.#hand(message);
      return;
    }
    if (message.id !== undefined) this.#pending.delete(message.id);
    if (isDiscoverAnswer(message)) this.answeredProbe = true;
    // The SDK handles notifications one microtask later and drops progress of answered requests, so an
    // answer that came in the same chunk has to wait that microtask too.
    queueMicrotask(() => this.#hand(message));
  }

  /** A server that floods waits for the next second, as whoever calls it does; nobody else has to. */
  #admits(method: string | undefined): boolean {
    const verdict = this.#notifications.judge(method);
    const stdout = this.#child?.streams.stdout;
    if (verdict === 'flood' && stdout?.isPaused() === false) {
      stdout.pause();
      setTimeout(() => stdout.resume(), this.#notifications.waitMs);
    }
    return verdict === 'pass';
  }

  /** An issue in handling one message must not reach the process, which serves all upstreams. */
  #hand(message: JSONRPCMessage): void {
    try {
      this.onmessage?.(message);
    } catch (error) {
      this.onerror?.(new Error(`could not handle a message: ${toMessage(error)}`));
    }
  }

  #refuse(line: OversizedLine, fail = (id: RequestId): void => this.#failTooLarge(id)): void {
    const owner = toLineOwner(line.head, line.tail);
    if (owner.kind === 'not_a_response') {
      if (line.ended) this.#countMalformed(Buffer.from(line.head));
      return;
    }
    if (owner.kind === 'response') fail(owner.id);
    // Nobody knows whose answer it was, so nobody may be left waiting for it.
    else if (line.ended) {
      for (const id of [...this.#pending, ...this.calls.ids]) fail(id);
    }
  }

  #failUnreadable(id: RequestId): void {
    this.#fail(id, {
      code: 'upstream/too_large',
      message: `upstream "${this.#options.name}" answered with what takes too much memory to be read; ask for less`,
    });
  }

  #failTooLarge(id: RequestId): void {
    const { name, maxMessageBytes } = this.#options;
    this.#fail(id, {
      code: 'upstream/too_large',
      message: `upstream "${name}" answered with more than ${maxMessageBytes} bytes (maxMessageBytes); ask for less, or raise the limit`,
    });
  }

  /** Answers a call in the server's stead. */
  #fail(id: RequestId, { code, message }: { code: string; message: string }): void {
    const { name, logger } = this.#options;
    const error = { code: INTERNAL_ERROR, message, data: { code, upstream: name } };
    const answer = { jsonrpc: '2.0', id, error } as const;
    if (!this.calls.take(answer)) {
      if (!this.#pending.delete(id)) return;
      this.#hand(answer);
    }
    logger.warn({ upstream: name, code }, message);
  }

  #countMalformed(line: Buffer): void {
    this.#malformed.count(line);
    this.#admits(undefined);
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(toMessage(error));
}

function isDiscoverAnswer(message: JSONRPCMessage): boolean {
  return (
    'result' in message &&
    typeof message.id === 'string' &&
    Array.isArray(message.result['supportedVersions'])
  );
}
