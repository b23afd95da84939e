// What MCP 2026-07-28 asks.
import type { Requirement } from './requirement.ts';

export const modernRequirements: readonly Requirement[] = [
  {
    id: 'modern/mirrored-headers',
    level: 'MUST',
    text: 'The headers of a request mirror the method, name and revision of its body.',
    source: 'MCP 2026-07-28, Streamable HTTP, "Request Metadata"',
  },
  {
    id: 'modern/cancel-by-closing',
    level: 'MUST',
    text: 'A request is cancelled by closing its response.',
    source: 'MCP 2026-07-28, Cancellation',
  },
  {
    id: 'modern/subscription-stream',
    level: 'MUST',
    text: 'A subscription lives as long as its stream, beside other requests.',
    source: 'MCP 2026-07-28, Subscriptions',
  },
  {
    id: 'modern/input-required',
    level: 'MUST',
    text: 'A server asks by answering that input is required; the caller asks again with the answer.',
    source: 'MCP 2026-07-28, Multi Round-Trip Requests',
  },
  {
    id: 'modern/deterministic-lists',
    level: 'SHOULD',
    text: 'Lists keep their order while nothing changes, so that prompts can be cached.',
    source: 'MCP 2026-07-28, Tools, "Listing Tools"',
  },
  {
    id: 'modern/era-probe',
    level: 'SHOULD',
    text: 'A server that does not speak this revision is found out, and spoken to in the older one.',
    source: 'MCP 2026-07-28, Versioning, "Backward Compatibility"',
  },
];
