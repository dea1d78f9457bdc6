import type { ComfyClient } from './comfy-client.ts';
import type { HistoryEntry, QueueItem } from './documents.ts';

/** Where a prompt is on the server. */
export type PromptPlace =
  | { state: 'pending'; ahead: number; someRuns: boolean; item: QueueItem }
  | { state: 'running'; item: QueueItem }
  | { state: 'finished'; entry: HistoryEntry }
  /** Never heard of, deleted while it waited, or forgotten in a restart. */
  | { state: 'unknown' };

/**
 * Asks queue and history, in that order and twice if need be: between two reads a prompt can move on from the one to
 * the other.
 */
export async function findPrompt(client: ComfyClient, promptId: string, signal?: AbortSignal): Promise<PromptPlace> {
  for (let look = 1; look <= 2; look++) {
    const { running, pending } = await client.queue(signal);
    const runs = running.find((item) => item[1] === promptId);
    if (runs) return { state: 'running', item: runs };
    const waits = pending.find((item) => item[1] === promptId);
    if (waits) {
      // The list is a heap, not in order.
      const ahead = pending.filter((item) => item[0] < waits[0]).length + running.length;
      return { state: 'pending', ahead, someRuns: running.length > 0, item: waits };
    }
    const entry = await client.history(promptId, signal);
    if (entry) return { state: 'finished', entry };
  }
  return { state: 'unknown' };
}

/** What a job wrote into its prompt at submission. */
export function markOf(place: PromptPlace): string | undefined {
  const item = place.state === 'finished' ? place.entry.prompt : place.state === 'unknown' ? undefined : place.item;
  const mark = (item?.[3] as { switchyard?: { payload?: unknown } } | null | undefined)?.switchyard?.payload;
  return typeof mark === 'string' ? mark : undefined;
}
