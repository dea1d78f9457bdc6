import type { MachineEvent } from '../../contract/machine-view.ts';
import type { MachineCache } from '../../platform/machines/machine-cache.ts';

/** Where machine events go. */
export interface MachineSink {
  send(event: MachineEvent): void;
  /** Bytes written that the client has not taken yet. */
  backlog(): number;
}

/** Over this much unread, machines are held back: the next look tells the latest anyway. Bytes. */
const HOLD = 256 * 1_024;

/**
 * Feeds a sink with all machines, or one: first as they are, then each as it changes. A slow client gets the newest card
 * of each and never an old one.
 * @param only id of the one machine that is wanted
 * @returns ends it
 */
export function streamMachines(machines: MachineCache, sink: MachineSink, only?: string): () => void {
  let seq = 0;
  const nextId = () => String(++seq);
  const held = new Set<string>();
  const wanted = (id: string) => only === undefined || id === only;
  const tell = (id: string) => {
    const machine = machines.get(id);
    sink.send(
      machine ? { type: 'machine', id: nextId(), machine } : { type: 'machine_gone', id: nextId(), machine_id: id },
    );
  };
  sink.send({ type: 'machines', id: nextId(), machines: machines.list().filter(({ id }) => wanted(id)) });
  return machines.subscribe((id) => {
    if (!wanted(id)) return;
    held.add(id);
    if (sink.backlog() > HOLD) return;
    for (const each of held) tell(each);
    held.clear();
  });
}
