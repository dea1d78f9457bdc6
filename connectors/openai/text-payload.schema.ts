import { z } from 'zod';
import { reference, text } from '../base/hosted/fields.schema.ts';
import { detail, refuseContradictions, writing } from './common.schema.ts';

const part = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('text'), text }),
    z.strictObject({ type: z.literal('image'), image: reference, detail: detail.optional() }),
  ],
  'must have a type: text or image',
);

const toolCall = z.strictObject({
  id: z.string().min(1),
  name: z.string().min(1),
  arguments: z.string().describe('JSON as the model wrote it'),
});

const message = z
  .strictObject({
    role: z.enum(
      ['developer', 'system', 'user', 'assistant', 'tool'],
      'must be developer, system, user, assistant or tool',
    ),
    content: z.union([text, z.array(part).min(1, 'must not be empty')]).optional(),
    tool_calls: z.array(toolCall).min(1).optional().describe('Of an assistant'),
    tool_call_id: z.string().min(1).optional().describe('Of a tool: the call that this answers'),
  })
  .superRefine((value, ctx) => {
    const refuse = (path: string, problem: string) => ctx.addIssue({ code: 'custom', path: [path], message: problem });
    if (value.content === undefined && !value.tool_calls) refuse('content', 'is missing');
    if (value.role === 'tool' && !value.tool_call_id) refuse('tool_call_id', 'is missing: it names the call answered');
    if (value.role !== 'tool' && value.tool_call_id) refuse('tool_call_id', 'belongs to the role tool');
    if (value.role !== 'assistant' && value.tool_calls) refuse('tool_calls', 'belongs to the role assistant');
    const pictures = Array.isArray(value.content) && value.content.some((each) => each.type === 'image');
    if (pictures && value.role !== 'user') refuse('content', 'pictures belong to the role user');
  });

const tool = z.strictObject({
  name: z.string().regex(/^[\w-]{1,64}$/, 'must be 1–64 letters, digits, "_" or "-"'),
  description: z.string().optional(),
  parameters: z.record(z.string(), z.unknown()).optional().describe('JSON schema of the arguments'),
  strict: z.boolean().optional(),
});

export const textPayload = z
  .strictObject({
    prompt: text.optional().describe('What the model is asked'),
    messages: z
      .array(message)
      .min(1, 'must not be empty')
      .max(10_000, 'must have at most 10000 entries')
      .optional()
      .describe('A whole conversation, instead of a prompt'),
    ...writing,
    tools: z.array(tool).min(1).max(128).optional().describe('Functions the model may ask to be called'),
    tool_choice: z
      .union([z.enum(['auto', 'none', 'required']), z.strictObject({ name: z.string().min(1) })])
      .optional()
      .describe('auto, none, required, or {"name": …} of one tool'),
    stop: z.array(z.string().min(1)).min(1).max(4).optional().describe('Texts that end the answer; chat API only'),
    seed: z.int().optional().describe('Chat API only'),
    previous_response_id: z.string().min(1).optional().describe('Goes on from that response; responses API only'),
  })
  .superRefine((value, ctx) => {
    const refuse = (path: string, problem: string) => ctx.addIssue({ code: 'custom', path: [path], message: problem });
    if (value.prompt === undefined && !value.messages) refuse('prompt', 'is missing: give a prompt or messages');
    if (value.prompt !== undefined && value.messages) refuse('messages', 'stands beside a prompt: give one of them');
    refuseContradictions(value, refuse);
    const { tool_choice: choice, tools } = value;
    if (choice !== undefined && !tools) refuse('tool_choice', 'needs tools');
    if (typeof choice === 'object' && tools && !tools.some((each) => each.name === choice.name)) {
      refuse('tool_choice', `names no tool; there are: ${tools.map((each) => each.name).join(', ')}`);
    }
    for (const field of ['stop', 'seed'] as const) {
      if (value[field] !== undefined && value.api === 'responses') refuse(field, 'is not known to the responses API');
    }
    if (value.previous_response_id && value.api === 'chat') {
      refuse('previous_response_id', 'is not known to the chat API; send the whole conversation as messages');
    }
  });

export type TextPayload = z.output<typeof textPayload>;
