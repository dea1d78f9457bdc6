import type { ArtifactRef } from '../../../contract/artifact.ts';
import type { JobContext } from '../../contract/job-context.ts';

/** A larger answer becomes an artifact: Temporal carries the result. Bytes. */
const MAX_INLINE = 128 * 1_024;

/** An answer in the form of a result. */
export interface KeptOutput {
  fields: {
    output?: unknown;
    /** The answer was large: it is whole in the artifact. */
    output_truncated?: true;
  };
  artifact?: ArtifactRef;
}

/** Keeps an answer that is neither text nor file: numbers, objects, lists. */
export async function keepOutput(output: unknown, context: JobContext | undefined): Promise<KeptOutput> {
  const bytes = Buffer.from(JSON.stringify(output ?? null));
  if (bytes.length <= MAX_INLINE || !context) return { fields: { output: output ?? null } };
  const artifact = await context.writeOutput(bytes, { name: 'output.json', mime: 'application/json' });
  return { fields: { output_truncated: true }, artifact };
}
