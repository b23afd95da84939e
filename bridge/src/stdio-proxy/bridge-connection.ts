// Sends requests to the bridge. It finds a bridge, or starts one, when there is none, and knows which bridges
// have said that they stop.
import {
  type Exchange,
  type HttpAnswer,
  isBrokenOff,
  isUnreachable,
} from '../http-client/exchange.ts';
import type { Send } from '../http-client/legacy-session.ts';
import { NotCarriedOut } from './relay.ts';

export interface Endpoint {
  /** The MCP endpoint. */
  readonly url: string;
  /** Sent with every request: the key, the client's own roots. */
  readonly headers: Readonly<Record<string, string>>;
  /** Which bridge it is, where that is known: the next one may have the same URL. */
  readonly instance?: string;
}

export interface BridgeConnection {
  /** Rejects with {@link NotCarriedOut} when the connection to a bridge broke off that had said that it stops. */
  readonly send: Send;
  /** Notes that the bridge that gave this answer stops: nothing sent to it from now on is carried out. */
  noteStopping(answer: HttpAnswer): void;
  /** What the bridge in use was found with. */
  current(): Promise<Endpoint> | undefined;
  /** Has the next request ask for the bridge again, unless another one is in use by now. */
  drop(used: Promise<Endpoint> | undefined): void;
}

export function createBridgeConnection(
  find: () => Promise<Endpoint>,
  exchange: Exchange,
): BridgeConnection {
  let endpoint: Promise<Endpoint> | undefined;
  const instances = new WeakMap<HttpAnswer, string>();
  const stopping = new Set<string>();

  const drop = (used: Promise<Endpoint> | undefined): void => {
    if (endpoint === used) endpoint = undefined;
  };

  const send: Send = async (method, { headers, message, signal }) => {
    for (let attempt = 1; ; attempt += 1) {
      endpoint ??= find();
      const used = endpoint;
      const target = await used.catch((error: unknown) => {
        drop(used);
        throw error;
      });
      const { instance } = target;
      const isStopping = instance !== undefined && stopping.has(instance);
      try {
        const answer = await exchange.send({
          url: target.url,
          method,
          headers: {
            Accept: 'application/json, text/event-stream',
            ...(message !== undefined && { 'Content-Type': 'application/json' }),
            ...target.headers,
            ...headers,
          },
          ...(message !== undefined && { body: JSON.stringify(message) }),
          signal,
        });
        if (instance !== undefined) instances.set(answer, instance);
        return answer;
      } catch (error) {
        if (isStopping && isBrokenOff(error)) throw new NotCarriedOut(error);
        if (attempt > 1 || method !== 'POST' || !isUnreachable(error)) throw error;
        drop(used);
      }
    }
  };

  return {
    send,
    noteStopping(answer) {
      const instance = instances.get(answer);
      if (instance !== undefined) stopping.add(instance);
    },
    current: () => endpoint,
    drop,
  };
}
