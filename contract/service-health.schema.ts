import { z } from 'zod';

/** How a connector's service fares, by its last checks. */
const health = z.enum(['healthy', 'degraded', 'unhealthy', 'unknown']);

/** A worker that serves a service in one pool, and how the backend behind its connector fares. */
export const servingWorkerSchema = z.object({
  worker: z.string().describe('Identity of the process'),
  pool: z.string(),
  health: health.describe('`degraded`: the last check failed, not yet enough of them in a row'),
  reason: z.string().optional().describe('Why it is not healthy'),
  since: z.iso.datetime().optional().describe('Since when it is so'),
  checked_at: z.iso.datetime().optional(),
  latency_ms: z.number().optional().describe('What the last check took'),
  connector: z.string().optional(),
  connector_id: z.string().optional(),
  service_name: z.string().optional().describe('What the backend calls itself'),
  service_version: z.string().optional(),
  models_total: z.int().optional(),
  models: z.array(z.string()).optional().describe('With GET /services/{name}; the first 200'),
  hot_models: z.array(z.string()).optional().describe('Loaded now, where the backend says so'),
  details: z
    .record(z.string(), z.union([z.string(), z.number()]))
    .optional()
    .describe('What else the backend tells'),
  slots: z.int().optional().describe('Jobs at a time'),
  slots_free: z.int().optional(),
});
export type ServingWorker = z.infer<typeof servingWorkerSchema>;

/** How a service fares over all workers that serve it. */
export const serviceHealthShape = {
  health: z
    .enum([...health.options, 'no_worker'])
    .describe('Over its workers; `degraded`: some can work, and others cannot, or not well'),
  health_reason: z.string().optional().describe('Why it is not `healthy`'),
  models: z.array(z.string()).describe('Of all its workers, as far as their backends tell; the first 500'),
  models_total: z.int(),
  served_by: z.array(servingWorkerSchema),
};
const serviceHealthSchema = z.object(serviceHealthShape);
export type ServiceHealth = z.infer<typeof serviceHealthSchema>;
