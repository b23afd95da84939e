// The errors of calls whose name leads nowhere, worded for the model that made the call.
import type { BridgeRpcError } from '../calls/call.ts';
import { INTERNAL_ERROR, INVALID_PARAMS } from '../rpc-codes.ts';

export interface UnknownName {
  readonly kind: 'tool' | 'prompt';
  readonly name: string;
  readonly isWithheld: boolean;
  /** All names of the kind in the view. */
  readonly names: readonly string[];
}

export function toUnknownName({ kind, name, isWithheld, names }: UnknownName): BridgeRpcError {
  return isWithheld
    ? toWithheld(`The ${kind} ${name}`, { name })
    : {
        code: INVALID_PARAMS,
        message: `Unknown ${kind}: ${name}. ${suggest(name, names)}`,
        data: { code: `catalog/unknown_${kind}`, name },
      };
}

export function toUnknownResource(uri: string, isWithheld: boolean): BridgeRpcError {
  return isWithheld
    ? toWithheld(`The resource ${uri}`, { uri })
    : {
        code: INVALID_PARAMS,
        message: `Resource not found: ${uri}. No server lists this URI or has a template that matches it.`,
        data: { code: 'catalog/unknown_resource', uri },
      };
}

export function toUnknownRef(): BridgeRpcError {
  return {
    code: INVALID_PARAMS,
    message:
      'completion/complete needs a ref: { type: "ref/prompt", name } or { type: "ref/resource", uri }.',
    data: { code: 'request/invalid' },
  };
}

/** The server has no listing yet. */
export function toNotListed(upstream: string): BridgeRpcError {
  return {
    code: INTERNAL_ERROR,
    message: `The server ${upstream} is not available: it has not told its tools yet. It is asked again from time to time; \`drawbridge servers\` and GET /v1/servers tell why.`,
    data: { code: 'upstream/unavailable', upstream },
  };
}

function toWithheld(what: string, of: { name: string } | { uri: string }): BridgeRpcError {
  return {
    code: INVALID_PARAMS,
    message: `${what} is withheld: its definition is new or has changed and awaits an operator's approval.`,
    data: { code: 'catalog/withheld', ...of },
  };
}

/** Names that contain the one asked for, or are contained in it: what a model most likely meant. */
function suggest(name: string, names: readonly string[]): string {
  const wanted = name.split('__').at(-1) ?? name;
  const near = names
    .filter((candidate) => candidate.includes(wanted) || wanted.includes(candidate))
    .slice(0, 3);
  return near.length === 0
    ? 'tools/list and prompts/list tell what there is.'
    : `Did you mean ${near.join(', ')}?`;
}
