import type { ServerResponse } from 'node:http';
import { afterOf, pour } from '../hosted/interrupt.ts';
import { interrupt } from './interrupt.ts';
import { accept, type Heard } from './check.ts';
import type { Fault } from '../hosted/faults.ts';
import { ResponseRun } from './response-run.ts';
import type { DoubleState } from '../hosted/state.ts';
import { EventStream, goneSignal, sendError, sendJson, type Json } from '../hosted/wire.ts';

/** The routes under /responses. */
export class ResponseRoutes {
  readonly #state: DoubleState;
  readonly runs = new Map<string, ResponseRun>();

  constructor(state: DoubleState) {
    this.#state = state;
  }

  /** POST /responses */
  async create(body: Json, fault: Fault | undefined, response: ServerResponse): Promise<void> {
    const heard = hear(body['input']);
    if (body['background'] === true && body['store'] === false) {
      sendError(response, 400, { message: 'Background mode requires store to be true.', param: 'background' });
      return;
    }
    if (!accept(this.#state, body, heard, 'input', response)) return;
    const run = new ResponseRun(this.#state, body, heard, fault);
    this.#state.paid.responses += 1;
    this.#state.ledger.taken.push({ id: run.id, marker: run.marker });
    if (body['store'] !== false && fault?.kind !== 'lost') this.runs.set(run.id, run);
    const gone = goneSignal(response);
    const generated = run.generate();
    if (!run.background && !this.#state.survivesHangUp) {
      gone.addEventListener('abort', () => {
        if (run.over) return;
        this.#state.stopped += 1;
        run.stop();
      });
    }
    if (fault?.kind === 'reset') return void response.destroy();
    if (fault?.kind === 'hang') return;
    if (run.streamable) return this.#stream(run, -1, fault, response);
    if (!run.background) await generated;
    if (fault?.kind === 'malformed' || this.#state.malformed) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"id": "resp_');
      return;
    }
    sendJson(response, 200, run.object);
  }

  /** GET /responses/{id} */
  retrieve(id: string, query: URLSearchParams, fault: Fault | undefined, response: ServerResponse): void {
    const run = this.runs.get(id);
    if (!run) return this.#unknown(id, response);
    if (fault?.kind === 'reset') return void response.destroy();
    if (fault?.kind === 'hang') return;
    if (this.#state.malformed) {
      response.writeHead(200, { 'content-type': 'application/json' });
      return void response.end(`{"id": "${id}", "status":`);
    }
    if (query.get('stream') !== 'true') return sendJson(response, 200, run.object);
    if (!run.streamable) {
      return sendError(response, 400, { message: 'This response cannot be streamed.', param: 'stream' });
    }
    this.#stream(run, Number(query.get('starting_after') ?? -1), fault, response);
  }

  /** POST /responses/{id}/cancel */
  cancel(id: string, response: ServerResponse): void {
    const run = this.runs.get(id);
    if (!run) return this.#unknown(id, response);
    if (!run.background) {
      return sendError(response, 400, { message: 'Cannot cancel a synchronous response.', param: null });
    }
    if (!run.over) this.#state.cancelled.push(id);
    run.stop();
    sendJson(response, 200, run.object);
  }

  #unknown(id: string, response: ServerResponse): void {
    sendError(response, 404, { message: `Response with id '${id}' not found.` });
  }

  #stream(run: ResponseRun, after: number, fault: Fault | undefined, response: ServerResponse): void {
    const events = new EventStream(response);
    if (this.#state.hugeBytes > 0) return void this.#pour(run, events);
    let deltas = 0;
    let broken = false;
    const stop = run.listen(after, (event) => {
      if (broken) return;
      const delta = event?.['type'] === 'response.output_text.delta';
      if (fault && delta && deltas === afterOf(fault) && interrupt(fault, events)) {
        broken = true;
        return;
      }
      if (delta) deltas += 1;
      const cut = delta && this.#disturb(events, deltas);
      if (cut) broken = true;
      else if (event) events.send(event, event['type'] as string);
      else events.end();
    });
    response.on('close', stop);
  }

  /** What befalls all streams at present. @returns whether this one is over */
  #disturb(events: EventStream, deltas: number): boolean {
    if (this.#state.malformed) return interrupt({ kind: 'garbage' }, events);
    if (this.#state.drops === 0 || deltas < 2) return false;
    this.#state.drops -= 1;
    return interrupt({ kind: 'drop' }, events);
  }

  async #pour(run: ResponseRun, events: EventStream): Promise<void> {
    const { id } = run;
    const event = (type: string, data: Json) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
    events.raw(event('response.created', { response: { ...run.object, id }, sequence_number: 0 }));
    await pour(this.#state.hugeBytes, (delta) =>
      events.pour(event('response.output_text.delta', { delta, sequence_number: 1 })),
    );
    events.end();
  }
}

function hear(input: unknown): Heard {
  if (typeof input === 'string') return { texts: [input], images: [] };
  const heard: Heard = { texts: [], images: [] };
  for (const { content } of (input ?? []) as Json[]) {
    if (typeof content === 'string') heard.texts.push(content);
    for (const part of Array.isArray(content) ? (content as Json[]) : []) {
      if (part['type'] === 'input_text' || part['type'] === 'output_text') heard.texts.push(String(part['text']));
      if (part['type'] === 'input_image') heard.images.push(String(part['image_url']));
    }
  }
  return heard;
}
