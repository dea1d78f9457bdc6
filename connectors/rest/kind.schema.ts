import { z } from 'zod';
import { durationSchema } from '../../contract/job.schema.ts';
import { expression, followUpSchema, template } from './request.schema.ts';

const state = z.enum(['pending', 'running', 'completed', 'failed', 'cancelled']);

/** A job that the service works on while we ask how it is. */
export const asyncSchema = z.strictObject({
  job_id: expression.describe("The service's id, over the answer to the submission"),
  keep: expression.optional().describe('More that later requests need (`kept`), over that answer; small'),
  status: followUpSchema.describe('Asked again and again; knows `id` and `kept`'),
  state: expression.describe('The state in the words of the service, over the answer'),
  states: z.record(z.string(), state).describe('These words → pending, running, completed, failed, cancelled'),
  progress: expression.optional().describe('0–100'),
  message: expression.optional().describe('What is going on, for people'),
  error: expression.optional().describe('Why it failed'),
  result: followUpSchema.optional().describe('Where the result is fetched; default: it is in the last status answer'),
  cancel: followUpSchema.optional().describe('Repeated until the service has stopped'),
  poll: z
    .strictObject({
      interval: durationSchema(10, 3_600_000, 'between 10ms and 1h').prefault('1s'),
      max_interval: durationSchema(10, 3_600_000, 'between 10ms and 1h').optional(),
      growth: z.number().min(1).max(10).default(1.2),
      deadline: durationSchema(1_000, 7 * 86_400_000, 'between 1s and 7d').optional(),
    })
    .prefault({}),
});

/** An answer that comes in pieces. */
export const streamSchema = z.strictObject({
  transport: z.enum(['sse', 'websocket']).default('sse'),
  send: z.array(z.json()).optional().describe('WebSocket: messages sent once it is open, each a template'),
  delta: expression.optional().describe('Text to append, over {event, data, id}; `data` is parsed where it is JSON'),
  progress: expression.optional().describe('0–100'),
  message: expression.optional(),
  done: expression.optional().describe('True with the last event; default: the end of the stream'),
  error: expression.optional().describe('What went wrong; nothing while all is well'),
  result: expression
    .optional()
    .describe('At the end, over {text, last}: all deltas, and the last data; default: {text}'),
  output: z
    .strictObject({
      name: template,
      mime: z.string().optional(),
      chunk: expression.optional().describe('Base64 to append; default: the binary messages of a WebSocket'),
    })
    .optional()
    .describe('A file that comes in pieces'),
});
