// The one place where what a tool throws becomes what a caller reads. A defect is logged whole and
// answered with a plain sentence, so that neither stack nor secret leaves the process, and it ends
// the call, not the server.
import type { CallToolResult } from '@modelcontextprotocol/server';
import type { CallContext } from './context.ts';
import type { Log } from './log.ts';
import { ToolError } from './tool-error.ts';
import type { Tool } from './tool.ts';

function failure(text: string): CallToolResult {
  return {
    content: [{ type: 'text', text }],
    isError: true,
  };
}

export async function callTool(
  tool: Tool,
  args: unknown,
  { context, log }: { context: CallContext; log: Log },
): Promise<CallToolResult> {
  try {
    return await tool.call(args, context);
  } catch (error) {
    if (error instanceof ToolError) return failure(error.message);
    if (context.signal.aborted) return failure('The call was cancelled.');
    log('a tool failed', { tool: tool.name, error });
    return failure(
      `${tool.name} failed because of an issue in the server, not in your arguments. ` +
        'The details are in its log. Try another way, or tell the operator.',
    );
  }
}
