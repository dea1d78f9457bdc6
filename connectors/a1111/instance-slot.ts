import { Slots } from '../http/slots.ts';

const slots = new Map<string, Slots>();

/**
 * The one place at an instance, for all connectors of this process that talk to it. The server runs one task at a time
 * and lets every other request wait in a thread, of which it has 40: what waits, waits here.
 */
export function instanceSlot(baseUrl: string): Slots {
  const { origin, pathname } = new URL(baseUrl);
  const key = `${origin}${pathname}`;
  const slot = slots.get(key) ?? new Slots(1);
  slots.set(key, slot);
  return slot;
}
