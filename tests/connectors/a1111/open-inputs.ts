import type { JobContext } from '../../../connectors/contract/job-context.ts';
import { createInputResolver } from '../../../platform/inputs/create-input-resolver.ts';
import type { TestContext } from '../harness.ts';

/** The context, with inputs that are opened as a worker opens them. */
export function openFrom(context: TestContext): JobContext {
  const inputs = createInputResolver({
    config: { inputRoots: [], maxUploadBytes: 1e8, allowPrivateInputUrls: false },
    artifacts: context.store,
  });
  const openInput: JobContext['openInput'] = (reference, pointer) => inputs.open(reference, pointer, context.signal);
  return Object.assign(context, { openInput });
}
