import { z } from 'zod';

const id = z.string().min(1, 'must name an instance').max(100);

/** Which instances a bulk command is for. */
export const instanceBulkBodySchema = z
  .strictObject({
    ids: z.array(id).min(1, 'must name an instance').max(64).optional(),
    all: z.literal(true, 'must be true').optional().describe('All that it can be done with'),
  })
  .refine(({ ids, all }) => (ids === undefined) !== (all === undefined), {
    message: 'must have one of ids and all',
  });

export const instanceExportBodySchema = z.strictObject({
  secrets: z
    .boolean()
    .default(false)
    .describe('With keys and secret variables: into a file on the machine, whose path is answered'),
});
