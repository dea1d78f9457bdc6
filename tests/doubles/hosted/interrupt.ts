import type { Fault } from './faults.ts';
import type { EventStream } from './wire.ts';

const PIECE = 65_536;

/** Writes that much text in pieces. @param write returns false when nobody reads any more */
export async function pour(bytes: number, write: (text: string) => Promise<boolean>): Promise<void> {
  const text = 'huge '.repeat(PIECE / 5);
  for (let written = 0; written < bytes; written += text.length) if (!(await write(text))) return;
}

/** Tokens that come before the fault. */
export function afterOf(fault: Fault): number {
  return 'after' in fault ? (fault.after ?? 0) : 0;
}

/** How a vendor's stream goes wrong. */
export interface Interruptions {
  /** The beginning of an event that is no JSON. */
  garbage: string;
  /** Sends an error inside the stream. */
  sendError: (events: EventStream, error: Record<string, unknown> | undefined) => void;
}

/** Carries out a fault in the middle of a stream. @returns whether the stream is over */
export function interruptStream(fault: Fault, events: EventStream, how: Interruptions): boolean {
  switch (fault.kind) {
    case 'drop':
      events.cut();
      return true;
    case 'end':
      events.end();
      return true;
    case 'stall':
      return true;
    case 'garbage':
    case 'malformed':
      events.raw(`${how.garbage}\n\n`);
      events.end();
      return true;
    case 'error':
      how.sendError(events, fault.error);
      events.end();
      return true;
    default:
      return false;
  }
}
