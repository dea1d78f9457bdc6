import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { json as readJson } from 'node:stream/consumers';
import { type WebSocket, WebSocketServer } from 'ws';

interface Prompt {
  prompt: unknown;
  prompt_id: string;
  client_id?: string;
  extra_data?: Record<string, unknown>;
}

/** Its only node makes a picture out of nothing. */
const NODE = { input: { required: { filename_prefix: ['STRING', {}] } }, output: [], output_node: true };

/**
 * As much of ComfyUI's protocol as a benchmark needs: one worker that renders every prompt for the same time and names
 * one file, the queue, the history with its time stamps, and the messages on the socket.
 * @param renderMs for each prompt
 * @param picture what `/view` answers
 */
export async function startRenderServer(renderMs: number, picture: Buffer) {
  const pending: Prompt[] = [];
  let running: Prompt | undefined;
  const history: Record<string, unknown> = {};
  const sockets = new Map<string, WebSocket>();
  let posted = 0;

  const itemOf = (each: Prompt, index: number) => [index, each.prompt_id, each.prompt, each.extra_data ?? {}, ['1']];

  async function work(): Promise<void> {
    for (running = pending.shift(); running; running = pending.shift()) {
      const { prompt_id, client_id = '' } = running;
      const messages: [string, object][] = [];
      const tell = (type: string, data: object) =>
        sockets.get(client_id)?.send(JSON.stringify({ type, data: { prompt_id, ...data } }));
      const say = (type: string) => {
        const data = { prompt_id, timestamp: Date.now() };
        messages.push([type, data]);
        tell(type, data);
      };
      say('execution_start');
      tell('executing', { node: '1' });
      await delay(renderMs);
      const output = { images: [{ filename: `${prompt_id}.png`, subfolder: '', type: 'output' }] };
      tell('executed', { node: '1', output });
      say('execution_success');
      const status = { status_str: 'success', completed: true, messages };
      history[prompt_id] = { prompt: itemOf(running, 0), outputs: { '1': output }, status };
      tell('executing', { node: null });
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = ''] = (request.url ?? '').split('?');
    const say = (body: unknown) => response.end(JSON.stringify(body));
    if (path === '/view') return void response.end(picture);
    if (path === '/prompt') {
      const body = (await readJson(request)) as Partial<Prompt>;
      const prompt = { prompt: body.prompt, prompt_id: `straight-${++posted}`, ...body };
      pending.push(prompt);
      if (!running) void work();
      return void say({ prompt_id: prompt.prompt_id, number: posted, node_errors: {} });
    }
    if (path === '/queue')
      return void say({ queue_running: running ? [itemOf(running, 0)] : [], queue_pending: pending.map(itemOf) });
    if (path === '/history') return void say(history);
    const [, route, id = ''] = path.split('/');
    if (route === 'history') return void say(history[id] ? { [id]: history[id] } : {});
    if (route === 'object_info') return void say({ [id]: NODE });
    if (route === 'system_stats') return void say({ system: { comfyui_version: 'bench' }, devices: [] });
    response.writeHead(404).end();
  }

  const server = createServer((request, response) => void answer(request, response));
  const webSockets = new WebSocketServer({ server, path: '/ws' });
  webSockets.on('connection', (socket, request) => {
    const id = new URL(request.url ?? '/', 'http://localhost').searchParams.get('clientId') ?? '';
    sockets.set(id, socket);
    socket.once('close', () => sockets.delete(id));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise<void>((resolve) => {
        for (const socket of webSockets.clients) socket.terminate();
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
