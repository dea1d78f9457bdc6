import type { IncomingMessage, ServerResponse } from 'node:http';
import sharp from 'sharp';
import { DoubleServer } from '../hosted/double-server.ts';
import type { Fault } from '../hosted/faults.ts';
import { pour } from '../hosted/interrupt.ts';
import { markerIn } from '../hosted/stages.ts';
import { drained, goneSignal, readBody, sendJson, type Json } from '../hosted/wire.ts';
import { checkScripts, Drawing, type Disk, type Generated, type Generation } from './generate.ts';
import {
  CHECKPOINTS,
  LATECOMER,
  LATENT_UPSCALERS,
  LORAS,
  SAMPLERS,
  SCHEDULERS,
  SCRIPT_INFO,
  SCRIPTS,
  STYLES,
  UPSCALERS,
  VAES,
} from './lists.ts';
import { BodyCheck, openApi } from './openapi.ts';
import { PythonError } from './python-error.ts';
import { WebUi } from './web-ui.ts';

const API = '/sdapi/v1/';
const NEVER = new AbortController().signal;

/**
 * A server that speaks the web UI's HTTP API over a real socket: blocking requests, one lock, an interrupt that hits
 * whatever runs, tasks by id. Written from protocol facts; nothing of a real one is in it.
 */
export class A1111Double extends DoubleServer {
  readonly ui = new WebUi();
  readonly disk: Disk = { files: new Map(), folder: undefined };
  /** Of `--api-auth`; undefined: open. `/internal` is open in any case. */
  auth: { user: string; password: string } | undefined;
  /** `--nowebui`: the API alone, without tasks and files. */
  withoutPage = false;
  /** Raised by the next generations, after they have begun. */
  readonly raises: PythonError[] = [];
  /** Lists that it does not have, as older ones. */
  readonly lacks = new Set<string>();
  /** Answers of finished tasks that never come. */
  swallowed = 0;
  /** The most requests for pictures that were here at one time. */
  crowd = 0;
  #working = 0;
  readonly #bodies = new BodyCheck();
  #checkpoints = [...CHECKPOINTS];

  static async start(): Promise<A1111Double> {
    const double = new A1111Double();
    await double.listen();
    return double;
  }

  get url(): string {
    return this.origin;
  }

  /** Requests that made pictures, by body. */
  bodies(route: string): Json[] {
    return this.state.seen('POST', `${API}${route}`).map(({ body }) => body ?? {});
  }

  /** A checkpoint is copied into the folder. */
  install(): void {
    this.#checkpoints = [...CHECKPOINTS, LATECOMER];
  }

  protected async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://double');
    const method = request.method ?? 'GET';
    const text = (await readBody(request)).toString('utf8');
    const body = text ? (JSON.parse(text) as Json) : undefined;
    const headers = request.headers as Record<string, string>;
    this.state.requests.push({ method, path: `${url.pathname}${url.search}`, headers, body, key: '' });
    const route = url.pathname.startsWith(API) ? url.pathname.slice(API.length) : undefined;
    const works = method === 'POST' && route !== undefined && /^(?:(?:txt|img)2img|extra-)/.test(route);
    if (works) this.state.ledger.arrivals.push(performance.now());
    if (!(await this.state.stages.heard(goneSignal(response)))) return;
    try {
      if (route !== undefined && !this.#letsIn(request)) throw new PythonError(401, 'Incorrect username or password');
      if (works) await this.#counted(() => this.#work(route, body ?? {}, response));
      else this.#answer(method, url, route, body ?? {}, response);
    } catch (error) {
      if (!(error instanceof PythonError)) throw error;
      const challenge: Record<string, string> = error.status === 401 ? { 'www-authenticate': 'Basic' } : {};
      sendJson(response, error.status, error.body, challenge);
    }
  }

  async #counted(work: () => Promise<void>): Promise<void> {
    this.crowd = Math.max(this.crowd, ++this.#working);
    try {
      await work();
    } finally {
      this.#working -= 1;
    }
  }

  #letsIn({ headers }: IncomingMessage): boolean {
    if (!this.auth) return true;
    const { user, password } = this.auth;
    return headers.authorization === `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }

  #answer(method: string, url: URL, route: string | undefined, body: Json, response: ServerResponse): void {
    if (this.#refused(`${method} ${url.pathname}`, body, response)) return;
    const lists: Record<string, unknown> = {
      progress: this.ui.globalProgress(),
      options: {
        sd_model_checkpoint: this.ui.loaded,
        samples_format: 'png',
        outdir_samples: '',
        outdir_txt2img_samples: 'outputs/txt2img-images',
        outdir_img2img_samples: 'outputs/img2img-images',
      },
      memory: {
        ram: { free: 1, used: 1, total: 2 },
        cuda: { system: { free: 2 ** 30, used: 3 * 2 ** 30, total: 2 ** 32 } },
      },
      'sd-models': this.#checkpoints,
      'sd-vae': VAES,
      samplers: SAMPLERS,
      schedulers: SCHEDULERS,
      upscalers: UPSCALERS,
      'latent-upscale-modes': LATENT_UPSCALERS,
      'prompt-styles': STYLES,
      loras: LORAS,
      scripts: SCRIPTS,
      'script-info': SCRIPT_INFO,
    };
    const notFound = () => sendJson(response, 404, { detail: 'Not Found' });
    if (route !== undefined) {
      if (method === 'GET' && route in lists && !this.lacks.has(route)) return sendJson(response, 200, lists[route]);
      if (method !== 'POST') return notFound();
      if (route === 'interrupt') this.ui.interrupt();
      else if (route === 'options') this.#setOptions(body);
      else if (route !== 'refresh-checkpoints' && route !== 'unload-checkpoint') return notFound();
      return sendJson(response, 200, route === 'interrupt' ? {} : null);
    }
    if (url.pathname === '/openapi.json') return sendJson(response, 200, openApi);
    if (this.withoutPage) return notFound();
    if (url.pathname === '/internal/progress') {
      const { id_task, id_live_preview = -1, live_preview = true } = body;
      return sendJson(response, 200, this.ui.taskProgress(id_task, id_live_preview, live_preview));
    }
    if (url.pathname === '/internal/pending-tasks') {
      return sendJson(response, 200, { size: this.ui.pending.size, tasks: [...this.ui.pending.keys()] });
    }
    const file = this.disk.files.get(decodeURIComponent(url.pathname.replace('/file=', '')));
    if (url.pathname.startsWith('/file=') && file) {
      response.writeHead(200, { 'content-type': 'image/png' });
      response.end(file);
    } else notFound();
  }

  /** By FastAPI's own handler: not the shape of the others. */
  #refused(route: string, body: Json, response: ServerResponse): boolean {
    const detail = this.#bodies.problems(route, body);
    if (detail.length > 0) sendJson(response, 422, { detail });
    return detail.length > 0;
  }

  #setOptions({ sd_model_checkpoint: title }: Json): void {
    if (title === undefined) return;
    if (!this.#checkpoints.some((each) => each.title === title)) {
      throw new PythonError(500, `model '${title}' not found`, 'RuntimeError');
    }
    this.ui.loaded = title;
  }

  async #work(route: string, body: Json, response: ServerResponse): Promise<void> {
    const fault = this.state.faults.take('work');
    if (fault?.kind === 'status') {
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
      response.end(fault.body ?? JSON.stringify(fault.error ?? {}));
      return;
    }
    if (fault?.kind === 'cut') return void response.socket?.resetAndDestroy();
    if (this.#refused(`POST ${API}${route}`, body, response)) return;
    if (route === 'txt2img' || route === 'img2img') await this.#generate(route, body, fault, response);
    else await this.#extras(route, body, fault, response);
  }

  /** Hanging up changes nothing: the thread works on. */
  async #generate(
    route: 'txt2img' | 'img2img',
    body: Json,
    fault: Fault | undefined,
    response: ServerResponse,
  ): Promise<void> {
    if (route === 'img2img' && !body['init_images']) throw new PythonError(404, 'Init image not found');
    if (body['mask']) await decoded(body['mask']);
    checkScripts(route, body);
    const { ui, state } = this;
    const taskId =
      (body['force_task_id'] as string | undefined) ?? `task(${route}-${Math.random().toString(36).slice(2, 9)})`;
    const job: Generation = { route, body, taskId, marker: markerIn(body) };
    ui.pending.set(taskId, performance.now());
    state.ledger.taken.push({ id: taskId, marker: job.marker });
    if (fault?.kind === 'reset') response.socket?.resetAndDestroy();
    await state.stages.pass('submitting', job.marker, NEVER);
    const release = await ui.acquire();
    let made: Generated;
    try {
      // Before the task begins: with a bad picture its id waits for ever.
      for (const picture of body['init_images'] ?? []) await decoded(picture);
      ui.begin(`scripts_${route}`);
      try {
        ui.startTask(taskId);
        const drawing = new Drawing(ui, state, this.disk, job, () => this.cutConnections());
        made = await drawing.run(this.raises.shift());
        ui.finishTask(taskId);
      } finally {
        ui.end();
      }
    } finally {
      release();
    }
    await state.stages.pass('finishing', job.marker, NEVER);
    if (this.swallowed > 0) this.swallowed -= 1;
    else await this.#reply(made, body, response);
  }

  async #reply({ images, info }: Generated, parameters: Json, response: ServerResponse): Promise<void> {
    if (response.destroyed) return;
    if (this.state.malformed) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"images": ["iVBORw0KG');
      return;
    }
    const encoded = images.map((image) => image.toString('base64'));
    const rest = { parameters: { ...parameters, init_images: null, mask: null }, info: JSON.stringify(info) };
    if (this.state.hugeBytes <= 0) return sendJson(response, 200, { images: encoded, ...rest });
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"images": ["');
    await pour(this.state.hugeBytes, async (piece) => {
      if (response.destroyed) return false;
      if (!response.write(piece.replaceAll(' ', 'A'))) await drained(response);
      return !response.destroyed;
    });
    response.end(`"], "parameters": {}, "info": "{}"}`);
  }

  async #extras(route: string, body: Json, fault: Fault | undefined, response: ServerResponse): Promise<void> {
    const { ui, state } = this;
    const sources: string[] =
      route === 'extra-single-image' ? [body['image']] : body['imageList'].map((entry: Json) => entry['data']);
    const pictures = await Promise.all(sources.map(decoded));
    state.ledger.taken.push({ id: '', marker: markerIn(body) });
    if (fault?.kind === 'reset') response.socket?.resetAndDestroy();
    const release = await ui.acquire();
    const images: string[] = [];
    try {
      ui.begin('extras');
      ui.jobCount = pictures.length;
      for (const picture of pictures) {
        await state.pace.before(state.pace.written, NEVER);
        await state.stages.pass('running', markerIn(body), NEVER);
        images.push((await this.#enlarge(picture, body)).toString('base64'));
        ui.jobNo += 1;
      }
    } finally {
      ui.end();
      release();
    }
    if (route === 'extra-single-image') sendJson(response, 200, { html_info: '<p></p>', image: images[0] });
    else sendJson(response, 200, { html_info: '<p></p>', images });
  }

  async #enlarge(picture: Buffer, body: Json): Promise<Buffer> {
    const { upscaler_1: upscaler = 'None', resize_mode = 0, upscaling_resize = 2 } = body;
    if (!UPSCALERS.some(({ name }) => name === upscaler)) {
      throw new PythonError(500, `could not find upscaler named ${upscaler}`, 'AssertionError');
    }
    if (upscaler === 'None') return sharp(picture).png().toBuffer();
    const { width, height } = await sharp(picture).metadata();
    const size =
      resize_mode === 1
        ? { width: body['upscaling_resize_w'], height: body['upscaling_resize_h'] }
        : { width: Math.round(width * upscaling_resize), height: Math.round(height * upscaling_resize) };
    return sharp(picture)
      .resize({ ...size, fit: 'fill' })
      .png()
      .toBuffer();
  }
}

/** As the server decodes a picture of a request. @throws PythonError 500 */
async function decoded(base64: unknown): Promise<Buffer> {
  const bytes = Buffer.from(String(base64), 'base64');
  try {
    await sharp(bytes).metadata();
    return bytes;
  } catch {
    throw new PythonError(500, 'Invalid encoded image');
  }
}
