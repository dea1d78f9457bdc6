import { z } from 'zod';
import { extraBody, ifLost, model, reference, text } from '../base/hosted/fields.schema.ts';

const textPart = z.strictObject({ type: z.literal('text'), text });
const imagePart = z.strictObject({ type: z.literal('image'), image: reference });

const part = z.discriminatedUnion(
  'type',
  [
    textPart,
    imagePart,
    z.strictObject({
      type: z.literal('tool_use'),
      id: z.string().min(1),
      name: z.string().min(1),
      input: z.record(z.string(), z.unknown()),
    }),
    z.strictObject({
      type: z.literal('tool_result'),
      tool_use_id: z.string().min(1),
      content: text.optional(),
      is_error: z.boolean().optional(),
    }),
    // Go back as they came, signature included.
    z.strictObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() }),
    z.strictObject({ type: z.literal('redacted_thinking'), data: z.string() }),
  ],
  'must have a type: text, image, tool_use, tool_result, thinking or redacted_thinking',
);

const message = z.strictObject({
  role: z.enum(['user', 'assistant'], 'must be user or assistant; what the model is told goes into "system"'),
  content: z.union([text, z.array(part).min(1, 'must not be empty')]),
});

const tool = z.strictObject({
  name: z.string().regex(/^[\w-]{1,64}$/, 'must be 1–64 letters, digits, "_" or "-"'),
  description: z.string().optional(),
  input_schema: z.looseObject({ type: z.literal('object') }).describe('JSON schema of the arguments: an object'),
});

const thinking = z.discriminatedUnion(
  'type',
  [
    z.strictObject({
      type: z.literal('enabled'),
      budget_tokens: z.int('must be a whole number').min(1_024, 'must be at least 1024'),
    }),
    z.strictObject({ type: z.literal('adaptive') }),
    z.strictObject({ type: z.literal('disabled') }),
  ],
  'must have a type: enabled, adaptive or disabled',
);

/** Fields of requests that Switchyard sets itself. */
const OWN = ['model', 'messages', 'max_tokens', 'stream'];

export const messagePayload = z
  .strictObject({
    prompt: text.optional().describe('What the model is asked'),
    image: reference.optional().describe('A picture that goes with the prompt: png, jpeg, webp or gif'),
    images: z.array(reference).min(1).max(99, 'must have at most 99 entries').optional().describe('More pictures'),
    messages: z
      .array(message)
      .min(1, 'must not be empty')
      .max(10_000, 'must have at most 10000 entries')
      .optional()
      .describe('A whole conversation, instead of a prompt'),
    model: model.describe('Name of the model; default: what the operator has set'),
    system: text.optional().describe('What the model is told before everything else'),
    max_tokens: z
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(10_000_000, 'must be at most 10000000')
      .optional()
      .describe('Longest answer, thinking included; default: what the operator has set'),
    temperature: z
      .number()
      .min(0, 'must be 0–1')
      .max(1, 'must be 0–1')
      .optional()
      .describe('Newer models take no other value than 1'),
    stop_sequences: z.array(z.string().min(1)).min(1).max(8_192).optional().describe('Texts that end the answer'),
    thinking: thinking.optional().describe('Whether and how long the model thinks first'),
    effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).optional().describe('How much work an answer is worth'),
    format: z
      .strictObject({ type: z.literal('json_schema'), schema: z.record(z.string(), z.unknown()) })
      .optional()
      .describe('The answer is JSON by this schema'),
    tools: z.array(tool).min(1).max(128).optional().describe('Functions the model may ask to be called'),
    tool_choice: z
      .union([z.enum(['auto', 'any', 'none']), z.strictObject({ name: z.string().min(1) })])
      .optional()
      .describe('auto, any, none, or {"name": …} of one tool'),
    service_tier: z.enum(['auto', 'standard_only']).optional(),
    betas: z
      .array(z.string().regex(/^[\w.-]+$/))
      .max(20)
      .optional()
      .describe('Names for the header anthropic-beta'),
    stream: z.boolean().default(true).describe('Take the answer token by token'),
    if_lost: ifLost('ANTHROPIC_IF_LOST'),
    extra_body: extraBody(OWN),
  })
  .superRefine((value, ctx) => {
    const refuse = (path: string, problem: string) => ctx.addIssue({ code: 'custom', path: [path], message: problem });
    if (value.prompt === undefined && !value.messages) refuse('prompt', 'is missing: give a prompt or messages');
    if (value.prompt !== undefined && value.messages) refuse('messages', 'stands beside a prompt: give one of them');
    if (value.image && value.messages) refuse('image', 'goes with a prompt; put it into the messages');
    if (value.images && !value.image) refuse('image', 'is missing: the first picture goes here');
    if (value.thinking?.type === 'enabled' && value.max_tokens && value.thinking.budget_tokens >= value.max_tokens) {
      refuse('thinking', 'takes all of max_tokens: budget_tokens must be less');
    }
    const { tool_choice: choice, tools } = value;
    if (choice !== undefined && !tools) refuse('tool_choice', 'needs tools');
    if (typeof choice === 'object' && tools && !tools.some((each) => each.name === choice.name)) {
      refuse('tool_choice', `names no tool; there are: ${tools.map((each) => each.name).join(', ')}`);
    }
  });

export type MessagePayload = z.output<typeof messagePayload>;
