import { z } from 'zod';
import { LIVE_CHOICES } from '../watch/live-choice.ts';

const ref = z.union([z.string().max(100), z.number()]).optional();
const jobId = z.string().min(1).max(255);

/** What a client may send. `ref` comes back with the answer. */
export const clientMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('subscribe'),
    job_id: jobId,
    last_event_id: z.string().max(200).optional(),
    /** What of the live channel comes too. */
    live: z.enum(LIVE_CHOICES).default('all'),
    /** How previews come: as a binary frame of their own, or as a data URL inside the JSON. */
    pictures: z.enum(['binary', 'data_url']).default('binary'),
    ref,
  }),
  z.strictObject({ type: z.literal('unsubscribe'), job_id: jobId, ref }),
  z.strictObject({ type: z.literal('ping'), ref }),
]);

export type ClientMessage = z.output<typeof clientMessageSchema>;
