import { z } from 'zod';
import { DURATION_HINT, parseDuration } from '../../contract/duration.ts';
import { extraBody, ifLost } from '../base/hosted/fields.schema.ts';

const WEEK = 7 * 86_400_000;

/** @param least the API's own bound. Milliseconds */
const duration = (least: number) =>
  z
    .union([z.string(), z.number()])
    .refine(
      (value) => {
        const ms = parseDuration(value);
        return ms !== undefined && ms >= least && ms <= WEEK;
      },
      `must be between ${least / 1_000}s and 7d: ${DURATION_HINT}`,
    )
    .optional();

const endpointId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the id of an endpoint, as in its address');

export const runPayload = z
  .strictObject({
    endpoint: endpointId.optional().describe('Id of a serverless endpoint; default: what the operator has set'),
    input: z
      .record(z.string(), z.unknown())
      .describe("What the endpoint's handler takes; media references artifact:… and file:… may stand anywhere in it"),
    file_encoding: z
      .enum(['data_uri', 'base64'], 'must be data_uri or base64')
      .default('data_uri')
      .describe('How files go into the input'),
    stream: z
      .boolean()
      .default(false)
      .describe('Take what the handler yields as it comes; for handlers that are generators'),
    collect_files: z
      .boolean()
      .default(true)
      .describe('Bring addresses of files and base64 in the output into the artifact store'),
    execution_timeout: duration(5_000).describe('Longest run; default: the setting of the endpoint'),
    ttl: duration(10_000).describe(
      'Life of the job at RunPod from its submission, the queue and the run included; default: 24h. Past it the job is ' +
        'deleted, even while it runs',
    ),
    low_priority: z.boolean().optional().describe('Starts no new workers'),
    if_lost: ifLost('RUNPOD_IF_LOST'),
    extra_body: extraBody(['input', 'policy', 'webhook']),
  })
  .superRefine(({ ttl, execution_timeout: run }, ctx) => {
    if (ttl === undefined || run === undefined) return;
    if ((parseDuration(ttl) ?? 0) > (parseDuration(run) ?? 0)) return;
    const message =
      'must be longer than execution_timeout: it counts the wait in the queue too, and deletes a running job';
    ctx.addIssue({ code: 'custom', path: ['ttl'], message });
  });

export type RunPayload = z.output<typeof runPayload>;
