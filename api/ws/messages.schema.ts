import { z } from 'zod';
import { MACHINE_ID } from '../../contract/machine-card.ts';
import { LIVE_CHOICES } from '../watch/live-choice.ts';

/** Jobs that one connection watches at a time. */
export const MAX_SUBSCRIPTIONS = 200;

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

const machines = z.union([z.literal(true), z.string().regex(MACHINE_ID, 'is no id of a machine')]);

/** The same for machines: all of them, or one. */
export const machineMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('subscribe'), machines, ref }),
  z.strictObject({ type: z.literal('unsubscribe'), machines, ref }),
]);

export type MachineMessage = z.output<typeof machineMessageSchema>;
export type ClientMessage = z.output<typeof clientMessageSchema>;
