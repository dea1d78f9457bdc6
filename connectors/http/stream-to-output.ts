import type { ArtifactRef } from '../../contract/artifact.ts';
import type { JobContext, OutputOptions } from '../contract/job-context.ts';
import type { HttpResponse } from './http-response.ts';

/**
 * Streams an answer's body into the artifact store, with one buffer in memory. Ask for it with a `max_response_bytes`
 * of at least the store's own cap (`Infinity` leaves the cap to the store).
 * @param output `mime` defaults to the answer's content type; sniffing comes first anyhow
 * @throws ConnectorError `output_too_large`, `timeout`, `service_unavailable`; the connection is closed then
 */
export async function streamToOutput(
  response: HttpResponse,
  context: Pick<JobContext, 'writeOutput'>,
  output: OutputOptions,
): Promise<ArtifactRef> {
  const mime = output.mime ?? response.headers['content-type']?.split(';')[0]?.trim();
  try {
    return await context.writeOutput(response.stream, { ...output, mime });
  } finally {
    response.stream.destroy();
  }
}
