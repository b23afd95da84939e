// What MCP up to 2025-11-25 asks of a server over HTTP, and of a client that a proxy stands for.
import type { Requirement } from './requirement.ts';

export const legacyRequirements: readonly Requirement[] = [
  {
    id: 'legacy/session-unknown',
    level: 'MUST',
    text: 'A request with a session that has ended or is not known is answered with 404, and one without a session with 400.',
    source: 'MCP 2025-11-25, Transports, "Session Management"',
  },
  {
    id: 'legacy/session-end',
    level: 'SHOULD',
    text: 'A client that is done ends its session with DELETE.',
    source: 'MCP 2025-11-25, Transports, "Session Management"',
  },
  {
    id: 'legacy/protocol-version-header',
    level: 'MUST',
    text: 'After initialization every request names the revision in MCP-Protocol-Version.',
    source: 'MCP 2025-11-25, Transports, "Protocol Version Header"',
  },
  {
    id: 'legacy/new-session-after-404',
    level: 'MUST',
    text: 'A client whose session is not known any more begins a new one.',
    source: 'MCP 2025-11-25, Transports, "Session Management"',
  },
  {
    id: 'legacy/resume-stream',
    level: 'SHOULD',
    text: 'A client that connects again to a stream says where it was with Last-Event-ID.',
    source: 'MCP 2025-11-25, Transports, "Resumability and Redelivery"',
  },
  {
    id: 'legacy/progress-token',
    level: 'MUST',
    text: 'Progress names the token of the request it belongs to, and no other.',
    source: 'MCP 2025-11-25, Progress',
  },
  {
    id: 'legacy/cancellation',
    level: 'MUST',
    text: 'A cancelled request is not answered, and its work ends.',
    source: 'MCP 2025-11-25, Cancellation',
  },
  {
    id: 'legacy/origin',
    level: 'MUST',
    text: 'A request from an origin that is not allowed is refused, against DNS rebinding.',
    source: 'MCP 2025-11-25, Transports, "Security Warning"',
  },
  {
    id: 'legacy/stdio-only-messages',
    level: 'MUST',
    text: 'A line of a server that is no message is ignored.',
    source: 'MCP 2025-11-25, Transports, "stdio"',
  },
  {
    id: 'legacy/shutdown',
    level: 'SHOULD',
    text: 'A stdio server is ended by closing its input, then SIGTERM, then SIGKILL.',
    source: 'MCP 2025-11-25, Lifecycle, "Shutdown"',
  },
  {
    id: 'legacy/list-pages',
    level: 'SHOULD',
    text: 'A list is read page by page until there is no cursor.',
    source: 'MCP 2025-11-25, Pagination',
  },
  {
    id: 'legacy/list-changed',
    level: 'SHOULD',
    text: 'A change of the lists is announced to clients that can hear it.',
    source: 'MCP 2025-11-25, Tools, "List Changed Notification"',
  },
  {
    id: 'legacy/unknown-tool',
    level: 'SHOULD',
    text: 'An unknown tool is a protocol error; what goes wrong in a tool is a result with isError.',
    source: 'MCP 2025-11-25, Tools, "Error Handling"',
  },
  {
    id: 'legacy/session-owner',
    level: 'MUST',
    text: 'A session id is no proof of who asks: every request carries its key, and a session answers its owner only.',
    source: 'MCP 2025-11-25, Security Best Practices, "Session Hijacking"',
  },
  {
    id: 'legacy/token-not-in-query',
    level: 'MUST',
    text: 'A key comes in the header, never in the query.',
    source: 'MCP 2025-11-25, Authorization, "Access Token Usage"',
  },
  {
    id: 'legacy/hints-are-claims',
    level: 'MUST',
    text: 'Annotations of a server that is not trusted are not believed.',
    source: 'MCP 2025-11-25, Tools, "Tool Annotations"',
  },
  {
    id: 'legacy/timeout-progress',
    level: 'SHOULD',
    text: 'A request has a timeout, which progress may renew.',
    source: 'MCP 2025-11-25, Lifecycle, "Timeouts"',
  },
];
