import { randomUUID } from 'node:crypto';
import { pipeline } from 'node:stream';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Busboy } from '@fastify/busboy';
import type { Files } from './files.ts';
import type { NodeDefinition } from './node-definitions.ts';
import { validatePrompt } from './validate-prompt.ts';
import type { FileEntry, Graph } from './wire.ts';
import type { Worker } from './worker.ts';

/** What has been asked of the server, for tests to count. */
export interface Ledger {
  submissions: { promptId: string; clientId: unknown; graph: Graph; extraData: Record<string, unknown> }[];
  /** `effect`: whether the prompt was running. Without a prompt id it was aimed at whatever runs. */
  interrupts: { promptId: string | undefined; effect: boolean }[];
  deletes: string[];
  uploads: { name: string; subfolder: string; bytes: number }[];
  frees: { unload_models: boolean; free_memory: boolean }[];
  /** Of outputs. */
  bytesSent: number;
  /** Every request: `GET /queue`. */
  requests: string[];
}

export interface RouteDeps {
  worker: Worker;
  files: Files;
  ledger: Ledger;
  definitions: () => Record<string, NodeDefinition>;
  models: Record<string, string[]>;
  nextNumber: () => number;
  /** Newer servers take canonical UUIDs as prompt ids only. */
  strictPromptIds: boolean;
  maxUploadBytes: number;
}

/** A failure inside aiohttp's handler: 500 with plain text. */
class Broken extends Error {}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Answers one request as ComfyUI does; faults and credentials are dealt with before. */
export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  deps: RouteDeps,
): Promise<void> {
  const path = url.pathname.replace(/^\/api(?=\/)/, '');
  const route = `${request.method} /${path.split('/')[1] ?? ''}`;
  const rest = decodeURIComponent(path.split('/').slice(2).join('/'));
  try {
    await handle(route, rest, request, response, url, deps);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
    response.end('500 Internal Server Error\n\nServer got itself in trouble');
  }
}

async function handle(
  route: string,
  rest: string,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  deps: RouteDeps,
): Promise<void> {
  const { worker, ledger } = deps;
  switch (route) {
    case 'POST /prompt':
      return postPrompt(await jsonBody(request), response, deps);
    case 'GET /prompt':
      return json(response, { exec_info: { queue_remaining: worker.running.length + worker.pending.length } });
    case 'GET /queue':
      return json(response, { queue_running: worker.running, queue_pending: worker.pending });
    case 'POST /queue': {
      const body = objectOf(await jsonBody(request));
      if (body['clear']) for (const item of [...worker.pending]) worker.remove(item[1]);
      for (const id of (body['delete'] as string[] | undefined) ?? []) {
        ledger.deletes.push(id);
        worker.remove(id);
      }
      return empty(response, 200);
    }
    case 'POST /interrupt': {
      // Anything unreadable counts as "whatever runs".
      const body = await jsonBody(request).catch(() => ({}));
      const promptId = (body as { prompt_id?: string }).prompt_id;
      ledger.interrupts.push({ promptId, effect: worker.interrupt(promptId) });
      return empty(response, 200);
    }
    case 'POST /free': {
      const body = objectOf(await jsonBody(request));
      const asked = { unload_models: body['unload_models'] === true, free_memory: body['free_memory'] === true };
      ledger.frees.push(asked);
      worker.free(asked.free_memory);
      return empty(response, 200);
    }
    case 'GET /history': {
      if (!rest) return json(response, Object.fromEntries(worker.history));
      const entry = worker.history.get(rest);
      return json(response, entry ? { [rest]: entry } : {});
    }
    case 'POST /history': {
      const body = objectOf(await jsonBody(request));
      if (body['clear']) worker.history.clear();
      for (const id of (body['delete'] as string[] | undefined) ?? []) worker.history.delete(id);
      return empty(response, 200);
    }
    case 'GET /view':
      return view(url, response, deps);
    case 'POST /upload':
      return upload(request, response, deps);
    case 'GET /object_info': {
      const all = deps.definitions();
      if (!rest) return json(response, all);
      return json(response, Object.hasOwn(all, rest) ? { [rest]: all[rest] } : {});
    }
    case 'GET /models':
      if (!rest) return json(response, Object.keys(deps.models));
      return Object.hasOwn(deps.models, rest) ? json(response, deps.models[rest]) : empty(response, 404);
    case 'GET /system_stats':
      return json(response, systemStats());
    case 'GET /features':
      return json(response, { supports_preview_metadata: true, max_upload_size: deps.maxUploadBytes });
    default:
      return empty(response, 404);
  }
}

function postPrompt(value: unknown, response: ServerResponse, deps: RouteDeps): void {
  const body = Array.isArray(value) ? {} : objectOf(value);
  // Refused posts use up a number, too.
  const number = 'number' in body ? Number(body['number']) : deps.nextNumber() * (body['front'] === true ? -1 : 1);
  if (!('prompt' in body)) {
    const error = { type: 'no_prompt', message: 'No prompt provided', details: 'No prompt provided', extra_info: {} };
    return json(response, { error, node_errors: {} }, 400);
  }
  const promptId = 'prompt_id' in body ? pythonText(body['prompt_id']) : randomUUID();
  if (deps.strictPromptIds && !UUID.test(promptId)) {
    const error = {
      type: 'invalid_prompt_id',
      message: 'prompt_id must be a valid UUID',
      details: promptId,
      extra_info: {},
    };
    return json(response, { error, node_errors: {} }, 400);
  }
  const graph = objectOf(body['prompt']) as Graph;
  const { outputs, error, node_errors } = validatePrompt(
    graph,
    deps.definitions(),
    new Set(deps.files.inputs()),
    body['partial_execution_targets'] as string[] | undefined,
  );
  if (error) return json(response, { error, node_errors }, 400);
  const extraData = { ...(body['extra_data'] as Record<string, unknown> | undefined) };
  if ('client_id' in body) extraData['client_id'] = body['client_id'];
  deps.ledger.submissions.push({ promptId, clientId: body['client_id'], graph, extraData });
  deps.worker.put([number, promptId, graph, extraData, outputs]);
  return json(response, { prompt_id: promptId, number, node_errors });
}

function view(url: URL, response: ServerResponse, deps: RouteDeps): void {
  const filename = url.searchParams.get('filename') ?? '';
  const subfolder = url.searchParams.get('subfolder') ?? '';
  const type = (url.searchParams.get('type') ?? 'output') as FileEntry['type'];
  if (filename === '' || filename.startsWith('/') || filename.includes('..')) return empty(response, 400);
  if (subfolder.split('/').includes('..')) return empty(response, 403);
  const file = deps.files.get({ filename, subfolder, type });
  if (!file) return empty(response, 404);
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': file.bytes });
  const counted = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      deps.ledger.bytesSent += chunk.length;
      yield chunk;
    }
  };
  // A reader that hangs up is no fault of the server.
  pipeline(file.open(), counted, response, () => {});
}

async function upload(request: IncomingMessage, response: ServerResponse, deps: RouteDeps): Promise<void> {
  if (Number(request.headers['content-length'] ?? 0) > deps.maxUploadBytes) return empty(response, 413);
  const fields: Record<string, string> = {};
  let received: { name: string; content: Buffer } | undefined;
  await new Promise<void>((resolve, reject) => {
    const parser = new Busboy({ headers: request.headers as { 'content-type': string } });
    parser.on('field', (name, value) => {
      fields[name] = value;
    });
    parser.on('file', (_field, stream, name) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        received = { name, content: Buffer.concat(chunks) };
      });
    });
    parser.on('finish', resolve);
    parser.on('error', reject);
    request.pipe(parser);
  });
  if (!received?.name) return empty(response, 400);
  const type = fields['type'] ?? 'input';
  if (!['input', 'temp', 'output'].includes(type)) throw new Broken();
  const entry: FileEntry = { filename: received.name, subfolder: fields['subfolder'] ?? '', type: type as 'input' };
  deps.files.put(entry, received.content);
  deps.ledger.uploads.push({ name: entry.filename, subfolder: entry.subfolder, bytes: received.content.length });
  return json(response, { name: entry.filename, subfolder: entry.subfolder, type });
}

function systemStats(): unknown {
  const device = { name: 'cpu', type: 'cpu', index: null };
  const memory = { vram_total: 8e9, vram_free: 6e9, torch_vram_total: 8e9, torch_vram_free: 6e9 };
  return {
    system: {
      os: 'posix',
      ram_total: 16e9,
      ram_free: 8e9,
      comfyui_version: '0.3.64',
      python_version: '3.12.1',
      pytorch_version: '2.11.0',
      embedded_python: false,
      argv: ['main.py', '--cpu'],
    },
    devices: [{ ...device, ...memory }],
  };
}

async function jsonBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw new Broken();
  }
}

/** What Python's `str()` makes of it. */
function pythonText(value: unknown): string {
  return value === null ? 'None' : typeof value === 'string' ? value : JSON.stringify(value);
}

/** What Python's `in` and `.get` need; everything else raises there. */
function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Broken();
  return value as Record<string, unknown>;
}

function json(response: ServerResponse, body: unknown, status = 200): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

function empty(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0 });
  response.end();
}
