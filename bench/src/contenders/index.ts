// All contenders, in the order of the report.
import { createBridgeContender } from './bridge.ts';
import type { Contender } from './contender.ts';
import { directHttp, directStdio } from './direct.ts';
import { createMcpHub } from './mcp-hub.ts';
import { createMcpProxy } from './mcp-proxy.ts';
import { createSupergateway } from './supergateway.ts';

export const OURS = 'bridge';
export const OURS_WRITING = 'bridge-write';
/** The other gateways. */
export const rivals: readonly string[] = ['mcp-proxy', 'mcp-proxy-2025', 'supergateway', 'mcp-hub'];

/** Another checkout of Drawbridge, in the same run. */
export const BESIDE = 'beside';
export const BESIDE_WRITING = 'beside-write';

/** @param beside a folder with another checkout */
export function listContenders(beside?: string): Contender[] {
  return [
    directStdio,
    directHttp,
    createBridgeContender({ name: OURS, effect: 'read' }),
    createBridgeContender({ name: OURS_WRITING, effect: 'unknown' }),
    ...(beside === undefined
      ? []
      : [
          createBridgeContender({ name: BESIDE, effect: 'read', root: beside }),
          createBridgeContender({ name: BESIDE_WRITING, effect: 'unknown', root: beside }),
        ]),
    createMcpProxy({ name: 'mcp-proxy', wire: 'modern' }),
    createMcpProxy({ name: 'mcp-proxy-2025', wire: 'legacy' }),
    createSupergateway(),
    createMcpHub(),
  ];
}
