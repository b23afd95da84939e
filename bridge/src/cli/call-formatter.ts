// Turns the events of the log into lines for a reader: a call is told when it ends, in two lines, what
// was asked and what came back. Calls overlap, so their events are put together here by call id.
import { type RunEvent, bodySchema, runEventPayloads } from '@drawbridge/schemas';
import { toClock } from './local-time.ts';
import { type Colors, toPlain } from './terminal.ts';

export interface CallFormatterOptions {
  readonly colors: Colors;
  readonly columns?: number | undefined;
  /** Only calls of this server. */
  readonly server?: string | undefined;
}

export interface CallFormatter {
  /** The lines that this event completes; often none. */
  tell(event: RunEvent): string[];
  /** Calls that have begun and not ended; told once, when `before` is given only those begun earlier. */
  open(before?: number): string[];
}

interface Begun {
  readonly event: RunEvent;
  readonly call: Description;
  isTold: boolean;
}

interface Description {
  readonly callId: string;
  readonly name: string;
  readonly upstream?: string | undefined;
  readonly client?: string | undefined;
  readonly principal: string;
  readonly arguments: unknown;
}

/** Calls whose end never came (their bridge died) are dropped beyond this many. */
const MAX_OPEN = 10_000;
const NARROWEST = 60;
const NO_TERMINAL = 200;

export function createCallFormatter({
  colors,
  columns,
  server,
}: CallFormatterOptions): CallFormatter {
  const begun = new Map<string, Begun>();
  const width = Math.max(columns ?? NO_TERMINAL, NARROWEST);

  const head = (event: RunEvent, call: Description): string => {
    const start = [
      toClock(event.at),
      event.runId.slice(-8),
      toPlain(call.client ?? call.principal),
    ];
    const tool = call.upstream === undefined ? call.name : `${call.upstream} ${shortName(call)}`;
    const room = width - start.join(' ').length - tool.length - 4;
    return [
      colors.dim(start[0] ?? ''),
      colors.dim(start[1] ?? ''),
      start[2],
      colors.cyan(toPlain(tool)),
      cut(describeBody(call.arguments), room),
    ].join(' ');
  };

  const end = (event: RunEvent, mark: string, text: string): string => {
    const time = event.durationMs === undefined ? '' : formatDuration(event.durationMs);
    return `  ${mark} ${colors.dim(time)}${time === '' ? '' : ' '}${cut(text, width - time.length - 6)}`;
  };

  const finish = (event: RunEvent, callId: string, line: string): string[] => {
    const start = begun.get(callId);
    begun.delete(callId);
    if (start === undefined) {
      // The reader came after the call's start, so nothing says whose call it was.
      if (server !== undefined) return [];
      const known = [toClock(event.at), event.runId.slice(-8), 'a call that began earlier'];
      return [colors.dim(known.join(' ')), line];
    }
    if (server !== undefined && start.call.upstream !== server) return [];
    return [head(start.event, start.call), line];
  };

  const tell = (event: RunEvent): string[] => {
    switch (event.type) {
      case 'call.started': {
        const call = read('call.started', event);
        if (call === undefined) return [];
        begun.set(call.callId, { event, call, isTold: false });
        const [oldest] = begun.keys();
        if (begun.size > MAX_OPEN && oldest !== undefined) begun.delete(oldest);
        return [];
      }
      case 'call.completed': {
        const payload = read('call.completed', event);
        if (payload === undefined) return [];
        const isResult = payload.outcome === 'result';
        const mark = isResult ? colors.green('✓') : colors.red('✗ tool error');
        return finish(event, payload.callId, end(event, mark, describeResult(payload.result)));
      }
      case 'call.failed': {
        const payload = read('call.failed', event);
        if (payload === undefined) return [];
        const text = toPlain(payload.error.message);
        const mark = colors.red(`✗ ${payload.outcome.replaceAll('_', ' ')}`);
        return finish(event, payload.callId, end(event, mark, text));
      }
      case 'call.cancelled': {
        const payload = read('call.cancelled', event);
        if (payload === undefined) return [];
        const text = toPlain(payload.reason ?? '');
        return finish(event, payload.callId, end(event, colors.yellow('⊘ cancelled'), text));
      }
      case 'call.input_required': {
        const payload = read('call.input_required', event);
        if (payload === undefined) return [];
        const text = describeBody(payload.requests);
        return finish(event, payload.callId, end(event, colors.yellow('? asks'), text));
      }
      case 'call.denied': {
        const payload = read('call.denied', event);
        if (payload === undefined || (server !== undefined && payload.upstream !== server))
          return [];
        return [head(event, payload), end(event, colors.red('✗ denied'), toPlain(payload.reason))];
      }
      case 'catalog.changed': {
        const payload = read('catalog.changed', event);
        if (payload === undefined || (server !== undefined && payload.upstream !== server))
          return [];
        const { upstream, added, removed, changed } = payload;
        const text = `${upstream}: ${added.length} added, ${removed.length} removed, ${changed.length} changed`;
        return [`${colors.dim(toClock(event.at))} ${colors.yellow('catalog')} ${toPlain(text)}`];
      }
      case 'auth.failed': {
        const payload = read('auth.failed', event);
        if (payload === undefined || server !== undefined) return [];
        const { reason, count } = payload;
        const text = count === 1 ? reason : `${reason}, ${count} times`;
        return [`${colors.dim(toClock(event.at))} ${colors.red('refused')} ${toPlain(text)}`];
      }
      default:
        return [];
    }
  };

  return {
    tell,
    open: (before = Number.POSITIVE_INFINITY) =>
      [...begun.values()]
        .filter(
          ({ event, call, isTold }) =>
            !isTold &&
            Date.parse(event.at) <= before &&
            (server === undefined || call.upstream === server),
        )
        .map((entry) => {
          entry.isTold = true;
          return `${head(entry.event, entry.call)} ${colors.yellow('…')}`;
        }),
  };
}

/** The payload by today's schema; events of a newer version that no longer fit are passed over. */
function read<T extends keyof typeof runEventPayloads>(type: T, event: RunEvent) {
  const parsed = runEventPayloads[type].schema.safeParse(event.payload);
  // The schema was looked up by the very type, which a generic index cannot express.
  return parsed.data as ReturnType<(typeof runEventPayloads)[T]['schema']['parse']> | undefined;
}

function shortName({ name, upstream }: Description): string {
  const prefix = `${upstream}__`;
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

function describeBody(body: unknown): string {
  const parsed = bodySchema.safeParse(body);
  if (!parsed.success) return '';
  if ('artifact' in parsed.data) {
    const { preview, size, artifact } = parsed.data;
    return toPlain(`${preview}… (${size} bytes, artifact ${artifact.slice(0, 12)})`);
  }
  return toPlain(JSON.stringify(parsed.data.inline ?? {}));
}

/** A result's texts in one line; what else it holds as JSON. */
function describeResult(body: unknown): string {
  const parsed = bodySchema.safeParse(body);
  if (!parsed.success || 'artifact' in parsed.data) return describeBody(body);
  const result = parsed.data.inline;
  const content =
    typeof result === 'object' && result !== null && 'content' in result
      ? result.content
      : undefined;
  const texts = (Array.isArray(content) ? content : []).flatMap((part: unknown) =>
    typeof part === 'object' && part !== null && 'text' in part && typeof part.text === 'string'
      ? [part.text]
      : [],
  );
  if (texts.length === 0) return describeBody(body);
  return toPlain(texts.join(' ').replaceAll(/\s+/g, ' ').trim());
}

function cut(text: string, room: number): string {
  const limit = Math.max(room, 20);
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}

function formatDuration(ms: number): string {
  if (ms < 1_000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  return `${(ms / 1_000).toFixed(1)} s`;
}
