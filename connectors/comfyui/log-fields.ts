import type { JobLogFacts } from '../contract/job-log.ts';
import type { LogFields } from '../contract/log-fields.ts';
import { asRecord } from './documents.ts';
import { clientIdOf } from './prompt-id.ts';

/** Inputs of loader nodes that name a model; the first one found stands for the graph. */
const MODEL_INPUTS = ['ckpt_name', 'unet_name', 'model_name'];

/** Normalized log fields of a ComfyUI job. @param vramMb in use when the server was last asked */
export function comfyLogFields(facts: JobLogFacts, vramMb: number | undefined): LogFields {
  const { job, result: end, serviceJobId } = facts;
  const payload = asRecord(job.payload);
  const graph = asRecord(payload['prompt'] ?? payload['graph'] ?? payload['workflow']);
  const result = asRecord(end?.result);
  return {
    prompt_id: serviceJobId,
    client_id: serviceJobId && clientIdOf(serviceJobId),
    model_name: modelIn(graph) ?? asRecord(payload['params'])['model'],
    nodes: Object.keys(graph).length || undefined,
    template: payload['template'],
    vram_usage: vramMb,
    instance: result['instance'],
    reattached: result['reattached'],
    submissions: result['submissions'],
    ...(facts.event === 'job_progress' || facts.event === 'job_failed' ? facts.progress?.log : {}),
  };
}

function modelIn(graph: Record<string, unknown>): unknown {
  for (const node of Object.values(graph)) {
    const inputs = asRecord(asRecord(node)['inputs']);
    const name = MODEL_INPUTS.find((input) => typeof inputs[input] === 'string');
    if (name) return inputs[name];
  }
  return undefined;
}
