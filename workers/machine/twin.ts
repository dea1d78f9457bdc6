import type { Client } from '@temporalio/client';
import { PRESENCE_TIMEOUT_MS } from '../../contract/machine-presence.ts';
import type { MachineFacts } from '../../contract/machine-facts.ts';
import { readMachine } from '../../platform/machines/read-machine.ts';

const LOOK_MS = 1_000;
const CALL_MS = 5_000;

/**
 * Makes sure that no other machine lives under this id. One that has just died is waited for: a container that was
 * started anew has another host name.
 * @param onWait told once when it may take a while
 * @throws Error naming the other
 */
export async function refuseTwin(
  client: Client,
  machineId: string,
  own: Pick<MachineFacts, 'hostname' | 'disk'>,
  onWait: (hostname: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let first: { boot: string; seq: number; at: number } | undefined;
  for (;;) {
    const view = await readMachine(client, machineId, CALL_MS);
    const card = view?.presence === 'alive' ? view.card : undefined;
    if (!card) return;
    // The lock of the data directory is ours: whoever had it before is dead.
    if (card.facts.hostname === own.hostname && card.facts.disk.path === own.disk.path) return;
    const now = performance.now();
    if (first?.boot !== card.boot_id) {
      first = { boot: card.boot_id, seq: card.seq, at: now };
      onWait(card.facts.hostname);
    }
    if (card.seq > first.seq)
      throw new Error(
        `Another machine is called ${machineId} and lives, on host ${card.facts.hostname} (${card.facts.disk.path}): give this one a name of its own with --id or MACHINE_ID`,
      );
    if (now - first.at > PRESENCE_TIMEOUT_MS + CALL_MS) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    signal.throwIfAborted();
  }
}
