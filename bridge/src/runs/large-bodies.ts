// Large bodies of events on their way to the log: text is redacted and hashed beside the event loop, and
// the bytes go to the store ahead of the event that names them.
import type { ArtifactRow } from '../store/run-batch.ts';
import type { BodyPlace, RunLogBodies } from '../store/run-log-bodies.ts';
import {
  type EventText,
  LARGE_BYTES,
  type LogEvent,
  type PreparedBody,
  toLargeText,
} from './event-text.ts';

/** Redacts and hashes a text. */
export type PrepareBody = (text: string, owner: string) => Promise<PreparedBody>;

export interface LargeBodiesOptions {
  readonly toText: (event: LogEvent, at: number) => EventText;
  readonly bodies: RunLogBodies | undefined;
  readonly prepare: PrepareBody | undefined;
}

export interface LargeBodies {
  /** The event's text at once, where it holds nothing large; else how to come by it, and how large it is. */
  begin(event: LogEvent, place: EventPlace): EventText | Unfinished;
}

export type EventPlace = Omit<BodyPlace, 'tenantId'> & { readonly tenantId: string | undefined };

export interface Unfinished {
  readonly bytes: number;
  finish(): Promise<EventText>;
}

export function createLargeBodies({ toText, bodies, prepare }: LargeBodiesOptions): LargeBodies {
  const store = async (event: EventText, place: BodyPlace): Promise<EventText> => {
    const large = event.artifacts.filter(isLarge);
    await Promise.all(large.map((artifact) => bodies?.put(artifact, place)));
    const stored = large.reduce((sum, { body }) => sum + body.length, 0);
    const artifacts = event.artifacts.filter((artifact) => !isLarge(artifact));
    return { ...event, artifacts, bytes: event.bytes - stored };
  };

  return {
    begin(event, place) {
      const { tenantId } = place;
      const large = prepare && toLargeText(event);
      if (large === undefined || prepare === undefined) {
        const text = toText(event, place.at);
        if (tenantId === undefined || bodies === undefined || !text.artifacts.some(isLarge))
          return text;
        return { bytes: text.bytes, finish: () => store(text, { ...place, tenantId }) };
      }
      return {
        bytes: large.text.length,
        async finish() {
          const body = await prepare(large.text, place.owner);
          const payload = { ...event.payload, [large.field]: body };
          // The same event: a body may be given raw or prepared.
          const text = toText({ ...event, payload } as LogEvent, place.at);
          return tenantId === undefined || !text.artifacts.some(isLarge)
            ? text
            : store(text, { ...place, tenantId });
        },
      };
    },
  };
}

/** Goes ahead of its event. */
function isLarge({ body }: ArtifactRow): boolean {
  return body.length > LARGE_BYTES;
}
