// A tool's definition: one object that says what it takes, what it answers, what it may change and
// how it runs. Everything on the wire (schemas, annotations, results) is derived from it.
import type { Effect } from '@drawbridge/schemas';
import type { CallToolResult, ContentBlock, ToolAnnotations } from '@modelcontextprotocol/server';
import type { z } from 'zod';
import { parseArguments } from './arguments.ts';
import type { CallContext } from './context.ts';
import { toJsonSchema, type ObjectSchema } from './json-schema.ts';
import { toLimitedText } from './text.ts';

/** What a tool answers. */
export interface ToolAnswer<Output> {
  output: Output;
  /** The whole answer as a person or a model would read it. */
  text: string;
  /** Images and the like, after the text. */
  content?: readonly ContentBlock[];
  /** How to get the rest, should `text` be over the limit; a sentence. */
  rest?: string;
}

export interface ToolDefinition<Input extends z.ZodObject, Output extends z.ZodObject> {
  /** `verb_noun`; the bridge puts the server's name in front. */
  name: string;
  title: string;
  description: string;
  /**
   * `read` changes nothing; `idempotent` may be repeated and takes nothing away; `write` adds;
   * `destructive` may take away what was there.
   */
  effect: Effect;
  /** Whether it reaches beyond what the operator set up, such as the web. */
  openWorld?: boolean;
  /** A `z.strictObject`. */
  input: Input;
  output: Output;
  /** Names that models guess for this tool's arguments, besides those every tool answers for. */
  aliases?: Readonly<Record<string, string>>;
  run(
    args: z.output<Input>,
    context: CallContext,
  ): Promise<ToolAnswer<z.input<Output>>> | ToolAnswer<z.input<Output>>;
}

/** A tool as `tools/list` shows it. */
export interface ToolListing {
  [key: string]: unknown;
  name: string;
  title: string;
  description: string;
  inputSchema: ObjectSchema;
  outputSchema: ObjectSchema;
  annotations: ToolAnnotations;
}

export interface Tool {
  readonly name: string;
  readonly effect: Effect;
  listing(): ToolListing;
  /** @throws ToolError for issues a model can fix, anything else for defects. */
  call(args: unknown, context: CallContext): Promise<CallToolResult>;
}

/** Says what holds even where it is the default; the two hints that mean nothing for readers are left out. */
export function toAnnotations(effect: Effect, openWorld: boolean): ToolAnnotations {
  return effect === 'read'
    ? { readOnlyHint: true, openWorldHint: openWorld }
    : {
        readOnlyHint: false,
        destructiveHint: effect === 'destructive',
        idempotentHint: effect === 'idempotent',
        openWorldHint: openWorld,
      };
}

export function defineTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  definition: ToolDefinition<Input, Output>,
): Tool {
  const { name, title, description, effect, openWorld = false, input, output } = definition;
  let listed: ToolListing | undefined;
  return {
    name,
    effect,
    listing: () =>
      (listed ??= {
        name,
        title,
        description,
        inputSchema: toJsonSchema(input, 'input'),
        outputSchema: toJsonSchema(output, 'output'),
        annotations: toAnnotations(effect, openWorld),
      }),
    async call(given, context) {
      const args = parseArguments(input, given, definition.aliases);
      const { output: answer, text, content = [], rest } = await definition.run(args, context);
      return {
        content: [{ type: 'text', text: toLimitedText(text, rest) }, ...content],
        structuredContent: output.parse(answer),
      };
    },
  };
}
