import { z } from 'zod';
import type { ServiceManifest } from '../../contract/service-manifest.ts';
import { QUEUE_PART } from '../../contract/task-queues.ts';

const shape = z.object({
  service: z.string().regex(QUEUE_PART, 'must be lower-case letters, digits, "-" and "_", at most 64 characters'),
  title: z.string().min(1, 'must not be empty'),
  description: z.string().min(1, 'must not be empty'),
  connectors: z
    .array(z.string().regex(/^\w+Connector$/, 'must be a class name that ends in Connector'))
    .min(1, 'must name a class'),
  // Not `instanceof`: a connector from another folder brings a zod of its own.
  payload: z.custom(
    (value) => typeof (value as { safeParse?: unknown } | null | undefined)?.safeParse === 'function',
    'must be a zod schema',
  ),
  inputs: z.array(
    z.object({ field: z.string(), description: z.string(), mime: z.array(z.string()), required: z.boolean() }),
  ),
  example: z.record(z.string(), z.unknown()),
  required_env: z.array(z.string()).optional(),
});

/**
 * The manifests a module exports, those without fault; what is wrong with the others goes to `complain`.
 */
export function manifestsOf(exported: unknown, complain: (problem: string) => void): ServiceManifest[] {
  if (!Array.isArray(exported)) {
    complain('does not export `manifests`, a list');
    return [];
  }
  return exported.filter((entry: unknown, index): entry is ServiceManifest => {
    const parsed = shape.safeParse(entry);
    if (parsed.success) return true;
    const faults = parsed.error.issues.map((issue) => `manifests[${index}].${issue.path.join('.')} ${issue.message}`);
    complain(faults.join('; '));
    return false;
  });
}
