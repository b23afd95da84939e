// Errors as JSON-RPC errors, for the MCP fronts. The bridge's own code stands in `data`.
import { ProtocolError } from '@modelcontextprotocol/server';
import {
  type DrawbridgeErrorCode,
  FAILED,
  findDrawbridgeError,
  toPublicMessage,
} from '../errors.ts';
import { DENIED, INTERNAL_ERROR, INVALID_PARAMS, SESSION_UNKNOWN } from '../rpc-codes.ts';

/** Without the stack and the cause, which are for the log. */
export function toRpcError(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const known = findDrawbridgeError(error);
  if (known !== undefined) {
    return new ProtocolError(toRpcCode(known.code), toPublicMessage(known), { code: known.code });
  }
  return new ProtocolError(INTERNAL_ERROR, FAILED);
}

function toRpcCode(code: DrawbridgeErrorCode): number {
  switch (code) {
    case 'request/invalid':
    case 'request/not_found':
    case 'request/too_large':
    case 'request/conflict':
    case 'request/timeout':
    case 'catalog/unknown_tool':
    case 'catalog/unknown_prompt':
    case 'catalog/unknown_resource':
    case 'catalog/withheld':
    case 'run/unknown':
    case 'run/pruned':
    case 'artifact/unknown':
    case 'upstream/unknown':
      return INVALID_PARAMS;
    case 'auth/missing':
    case 'auth/invalid':
    case 'auth/forbidden':
    case 'policy/denied':
    case 'policy/limit':
      return DENIED;
    case 'session/unknown':
      return SESSION_UNKNOWN;
    case 'bridge/stopping':
    case 'bridge/outcome_unknown':
    case 'settings/invalid':
    case 'home/locked':
    case 'home/foreign':
    case 'store/unavailable':
    case 'store/start_failed':
    case 'log/unavailable':
    case 'log/outcome_unknown':
    case 'upstream/unavailable':
    case 'upstream/start_failed':
    case 'upstream/timeout':
    case 'upstream/crashed':
    case 'upstream/protocol':
    case 'upstream/too_large':
    case 'upstream/busy':
    case 'upstream/outcome_unknown':
    case 'request/busy':
    case 'call/cancelled':
      return INTERNAL_ERROR;
    default:
      return code satisfies never;
  }
}
