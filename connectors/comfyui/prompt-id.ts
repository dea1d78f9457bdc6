import { createHash } from 'node:crypto';

/**
 * The prompt id of a job: known before anything is sent, so that an attempt that comes after a crash finds the prompt.
 * A canonical UUID, which newer servers insist on.
 * @param generation rises when a run has failed at the backend and the job is tried anew
 */
export function promptIdOf(jobId: string, generation: number): string {
  const bytes = createHash('sha256')
    .update(`switchyard comfyui prompt ${generation} of ${jobId}`)
    .digest()
    .subarray(0, 16);
  // Version 8: made by rules of one's own (RFC 9562).
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Events go to the client id that the prompt was submitted under: a later attempt must be able to name it again. */
export function clientIdOf(promptId: string): string {
  return `switchyard-${promptId}`;
}

/** Tells a prompt of this payload from one that a former job of the same id has left in the history. */
export function fingerprintOf(payload: unknown): string {
  return createHash('sha256').update(JSON.stringify(payload)).digest('hex').slice(0, 32);
}
