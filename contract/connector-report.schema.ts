import { z } from 'zod';

/** Names of models in one report; the rest is a number. */
export const MODELS_IN_REPORT = 200;

const name = z.string().max(300);
const age = z.number().min(0);

/**
 * What a worker tells of one of its connectors over the live channel: when it connects, on every change, and every half
 * minute. Times are ages in milliseconds, so that clocks need not agree. Wire document: snake_case.
 */
export const connectorReportSchema = z.object({
  /** Identity of the worker process, as Temporal shows it. */
  worker: name.min(1),
  /** Class of the connector. */
  connector: name,
  connector_id: name.optional(),
  /** Queues it serves; of one worker process, no two connectors serve the same. */
  queues: z
    .array(z.object({ pool: name, capability: name, slots: z.int().min(0).optional() }))
    .min(1)
    .max(1_000),
  /** `degraded`: the last check failed, and is not yet believed. `not_set_up`: variables are missing, so it serves none. */
  health: z.enum(['healthy', 'degraded', 'unhealthy', 'unknown', 'not_set_up']),
  reason: z.string().max(1_000).optional(),
  /** Since it is so. */
  state_age_ms: age.optional(),
  /** Since the last check. */
  checked_age_ms: age.optional(),
  /** What the last check took. */
  latency_ms: age.optional(),
  service_name: name.optional(),
  service_version: name.optional(),
  models: z.array(name).max(MODELS_IN_REPORT).optional(),
  /** With those that `models` leaves out. */
  models_total: z.int().min(0).optional(),
  /** Models that are loaded now, where the service says so. */
  hot_models: z.array(name).max(MODELS_IN_REPORT).optional(),
  /** What else the service tells of itself, for people. */
  details: z.record(name, z.union([z.string().max(1_000), z.number()])).optional(),
});

export type ConnectorReport = z.infer<typeof connectorReportSchema>;
