/**
 * Job ids and workflow ids. The workflow id of a job submitted over HTTP is `job/<job id>`; a job started with the
 * `temporal` CLI may carry any workflow id, which then is its job id too.
 */
const PREFIX = 'job/';
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** An id of ours: 26 Crockford base-32 digits. */
const OWN_ID = /^[0-9abcdefghjkmnpqrstvwxyz]{26}$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function jobWorkflowId(jobId: string): string {
  return PREFIX + jobId;
}

export function jobIdOfWorkflow(workflowId: string): string {
  return workflowId.startsWith(PREFIX) ? workflowId.slice(PREFIX.length) : workflowId;
}

/**
 * The workflow ids a public job id may stand for, likeliest first, so that the usual look-up is one call.
 */
export function workflowIdCandidates(jobId: string): string[] {
  if (OWN_ID.test(jobId)) return [PREFIX + jobId];
  return UUID.test(jobId) ? [jobId, PREFIX + jobId] : [PREFIX + jobId, jobId];
}

/**
 * 26 base-32 digits from 17 or more bytes (130 bits are used).
 * @throws RangeError when there are fewer than 17 bytes
 */
export function encodeId(bytes: Uint8Array): string {
  if (bytes.length < 17) throw new RangeError('an id needs 17 bytes');
  let id = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5 && id.length < 26) {
      bits -= 5;
      id += ALPHABET[(buffer >> bits) & 31];
    }
  }
  return id;
}
