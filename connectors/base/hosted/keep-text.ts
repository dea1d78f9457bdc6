import type { ArtifactRef } from '../../../contract/artifact.ts';
import type { JobContext } from '../../contract/job-context.ts';

/** A longer text becomes an artifact; the result, which Temporal carries, keeps its beginning. Bytes. */
const MAX_INLINE = 128 * 1_024;
const BEGINNING = 16_384;

/** A written text in the form of a result. */
export interface KeptText {
  fields: {
    text: string;
    /** The text was long: it is whole in the artifact, and here is its beginning. */
    text_truncated?: true;
    /** The text as JSON, when JSON was asked for and the text is short. */
    json?: unknown;
  };
  artifact?: ArtifactRef;
}

export async function keepText(text: string, wantsJson: boolean, context: JobContext | undefined): Promise<KeptText> {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_INLINE || !context) {
    const json = wantsJson ? parsed(text) : undefined;
    return { fields: { text, ...(json === undefined ? {} : { json }) } };
  }
  const artifact = await context.writeOutput(bytes, {
    name: wantsJson ? 'answer.json' : 'answer.txt',
    mime: wantsJson ? 'application/json' : 'text/plain',
  });
  // A character of more bytes that the cut has hit is left out.
  const beginning = bytes
    .subarray(0, BEGINNING)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
  return { fields: { text: beginning, text_truncated: true }, artifact };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
