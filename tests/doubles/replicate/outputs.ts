import type { ServerResponse } from 'node:http';
import sharp from 'sharp';
import { interruptStream } from '../hosted/interrupt.ts';
import type { RemoteRun } from '../hosted/remote-run.ts';
import type { DoubleState } from '../hosted/state.ts';
import { drained, EventStream, goneSignal } from '../hosted/wire.ts';

const PIECE = Buffer.alloc(65_536, 7);

/** A picture, or so many bytes as were ordered. */
export async function sendOutput(state: DoubleState, run: RemoteRun, response: ServerResponse): Promise<void> {
  if (!(await state.stages.pass('finishing', run.marker, goneSignal(response)))) return;
  response.writeHead(200, { 'content-type': 'image/png' });
  for (let sent = 0; sent < state.hugeBytes && !response.destroyed; sent += PIECE.length) {
    if (!response.write(PIECE)) await drained(response);
  }
  response.end(
    await sharp({ create: { width: 8, height: 8, channels: 3, background: '#336' } })
      .png()
      .toBuffer(),
  );
}

/** Tokens as they come: one with each step, the others at the end. */
export async function streamOutput(
  state: DoubleState,
  run: RemoteRun,
  output: unknown,
  response: ServerResponse,
): Promise<void> {
  const gone = goneSignal(response);
  const events = new EventStream(response);
  const tokens = Array.isArray(output) ? (output as string[]) : [];
  const fault = state.faults.take('stream');
  const over = new Promise<void>((resolve) => gone.addEventListener('abort', () => resolve(), { once: true }));
  for (const [index, token] of tokens.entries()) {
    while (run.step <= index && !run.over && !gone.aborted) await Promise.race([run.change, over]);
    if (gone.aborted) return;
    if (run.status === 'failed' || run.status === 'cancelled') break;
    const broken = fault && index === ('after' in fault ? (fault.after ?? 0) : 0);
    if (broken && interruptStream(fault, events, { garbage: 'event: output\ndata', sendError: sendError })) return;
    if (state.drops > 0 && index > 0) {
      state.drops -= 1;
      return events.cut();
    }
    events.raw(`event: output\nid: ${run.startedAt}:${index}\n${lines(token)}\n\n`);
  }
  while (!run.over && !gone.aborted) await Promise.race([run.change, over]);
  if (run.status === 'failed') sendError(events);
  events.raw(`event: done\ndata: ${run.status === 'completed' ? '{}' : `{"reason": "${run.status}"}`}\n\n`);
  events.end();
}

function sendError(events: EventStream): void {
  events.raw('event: error\ndata: {"detail": "it went wrong"}\n\n');
}

/** A token may hold line breaks. */
function lines(token: string): string {
  return token
    .split('\n')
    .map((line) => `data: ${line}`)
    .join('\n');
}
