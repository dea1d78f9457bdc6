import type { JobLogFacts } from '../contract/job-log.ts';
import type { LogFields } from '../contract/log-fields.ts';

/** Normalized log fields of an Automatic1111 job: what was asked for, and at the end what the server says it did. */
export function a1111LogFields({ job, result: end, serviceJobId }: JobLogFacts): LogFields {
  const asked = (job.payload ?? {}) as Record<string, unknown>;
  const made = (end?.result ?? {}) as Record<string, unknown>;
  return {
    sampler: made['sampler'] ?? asked['sampler_name'],
    scheduler: asked['scheduler'],
    steps: made['steps'] ?? asked['steps'],
    cfg_scale: made['cfg_scale'] ?? asked['cfg_scale'],
    seed: made['seed'] ?? asked['seed'],
    width: asked['width'],
    height: asked['height'],
    batch_size: asked['batch_size'],
    model_checkpoint: made['model'] ?? asked['model'],
    task_id: made['task_id'] ?? serviceJobId,
    pictures: made['pictures'],
    reattached: made['reattached'],
  };
}
