import { z } from 'zod';
import { connectorReportSchema, type ConnectorReport } from '../../contract/connector-report.schema.ts';
import type { LiveStreamKey } from '../../contract/live-events.ts';
import { decodeFrame, encodeFrame } from './frame.ts';
import type { LiveEntry } from './live-log.ts';

const count = z.int().min(0);
const jobId = z.string().min(1).max(1_000);
const stream = { job_id: jobId, activity: count, attempt: count };

const entryHead = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('token'), seq: count, previews: count, position: count, text: z.string() }),
  z.object({
    kind: z.literal('preview'),
    seq: count,
    previews: count,
    characters: count,
    index: z.int(),
    mime: z.string().max(100),
    /** Length of the picture, which follows the head. */
    bytes: count,
  }),
  z.object({ kind: z.literal('reset'), seq: count, previews: count }),
]);

const head = z.discriminatedUnion('m', [
  /** API to worker: tell me of these jobs, from after that number on. */
  z.object({ m: z.literal('want'), wants: z.array(z.object({ ...stream, seq: count })), rewind: z.boolean() }),
  z.object({ m: z.literal('unwant'), job_id: jobId }),
  /** Worker to API. `prev`: number up to which everything was sent before, or is gone. */
  z.object({ m: z.literal('entries'), ...stream, prev: count, entries: z.array(entryHead) }),
  /** The attempt is over; where its stream stood then. */
  z.object({ m: z.literal('close'), ...stream, prev: count, seq: count, characters: count, previews: count }),
  /** Worker to API, unasked: how one of its connectors fares. */
  z.object({ m: z.literal('report'), report: connectorReportSchema }),
]);

/** Who wants what: `activity` and `attempt` are 0 when nothing is known yet. */
export interface Want extends LiveStreamKey {
  job_id: string;
  seq: number;
}

export type LiveMessage =
  | { m: 'want'; wants: Want[]; rewind: boolean }
  | { m: 'unwant'; job_id: string }
  | ({ m: 'entries'; job_id: string; prev: number; entries: LiveEntry[] } & LiveStreamKey)
  | ({ m: 'close'; job_id: string; prev: number; seq: number; characters: number; previews: number } & LiveStreamKey)
  | { m: 'report'; report: ConnectorReport };

export function encodeMessage(message: LiveMessage): Buffer {
  if (message.m !== 'entries') return encodeFrame(message);
  const pictures: Buffer[] = [];
  const entries = message.entries.map((entry) => {
    if (entry.kind !== 'preview') return entry;
    const { picture, ...rest } = entry;
    pictures.push(picture);
    return { ...rest, bytes: picture.length };
  });
  return encodeFrame({ ...message, entries }, ...pictures);
}

/** @returns undefined for what is no message of ours: another version's, or nonsense */
export function decodeMessage(bytes: Buffer): LiveMessage | undefined {
  const frame = decodeFrame(bytes);
  const parsed = frame && head.safeParse(frame.head);
  if (!parsed?.success) return undefined;
  if (parsed.data.m !== 'entries') return parsed.data;
  let at = 0;
  const entries: LiveEntry[] = [];
  for (const entry of parsed.data.entries) {
    if (entry.kind !== 'preview') {
      entries.push(entry);
      continue;
    }
    const { bytes: length, ...rest } = entry;
    if (at + length > frame!.body.length) return undefined;
    entries.push({ ...rest, picture: frame!.body.subarray(at, at + length) });
    at += length;
  }
  return { ...parsed.data, entries };
}
