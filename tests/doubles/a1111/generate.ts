import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { png } from '../comfyui/media.ts';
import type { DoubleState } from '../hosted/state.ts';
import type { Json } from '../hosted/wire.ts';
import { CHECKPOINTS, SAMPLERS, SCRIPT_INFO } from './lists.ts';
import { PythonError } from './python-error.ts';
import type { WebUi } from './web-ui.ts';

/** One generation, as the server has checked it. */
export interface Generation {
  route: 'txt2img' | 'img2img';
  body: Json;
  taskId: string;
  marker: string;
}

export interface Generated {
  images: Buffer[];
  info: Json;
}

/** What the double's server has on its disk. */
export interface Disk {
  /** By path, as `/file=` shows them. */
  files: Map<string, Buffer>;
  /** A real folder, too, when a worker shall see it. */
  folder: string | undefined;
}

const OUTDIR = { txt2img: 'outputs/txt2img-images', img2img: 'outputs/img2img-images' };
const UNFINISHED = 0x404040;

/** Draws pictures of one colour, step by step. Runs inside the lock. */
export class Drawing {
  readonly #ui: WebUi;
  readonly #state: DoubleState;
  readonly #disk: Disk;
  readonly #job: Generation;
  readonly #cut: () => void;

  constructor(ui: WebUi, state: DoubleState, disk: Disk, job: Generation, cut: () => void) {
    this.#ui = ui;
    this.#state = state;
    this.#disk = disk;
    this.#job = job;
    this.#cut = cut;
  }

  async run(raises: PythonError | undefined): Promise<Generated> {
    const { body, marker } = this.#job;
    const { n_iter = 1, batch_size = 1, steps = 50, width = 512, height = 512, seed = -1 } = body;
    const settings: Json = body['override_settings'] ?? {};
    const checkpoint = this.#load(settings['sd_model_checkpoint']);
    const first = seed < 0 ? 4_242 : Number(seed);
    const images: Buffer[] = [];
    const ui = this.#ui;
    ui.jobCount = n_iter;
    for (let iteration = 0; iteration < n_iter && !ui.interrupted; iteration++) {
      ui.samplingSteps = steps;
      for (let step = 1; step <= steps && !ui.interrupted; step++) {
        await ui.interruptible((signal) => this.#state.pace.before(this.#state.pace.written, signal));
        ui.samplingStep = step;
        if (step % 2 === 0) {
          ui.preview ??= await png(8, 8, UNFINISHED);
          ui.previewId += 1;
        }
        if (step > 1 || iteration > 0) continue;
        if (raises) throw raises;
        this.#drop();
        await ui.interruptible((signal) => this.#state.stages.pass('running', marker, signal));
      }
      if (ui.interrupted) this.#state.ledger.stopped.push(marker);
      const scale = body['enable_hr'] ? (body['hr_scale'] ?? 2) : 1;
      for (let index = 0; index < batch_size; index++) {
        const color = ui.interrupted ? UNFINISHED : (first + images.length) % 0xffffff;
        images.push(await png(Math.round(width * scale), Math.round(height * scale), color));
      }
      ui.jobNo += 1;
      ui.samplingStep = 0;
    }
    const saved = body['save_images'] === true && settings['samples_save'] !== false;
    if (saved) for (const [index, image] of images.entries()) await this.#save(image, index, settings);
    const grid = saved && images.length > 1 && settings['return_grid'] !== false;
    const seeds = images.map((_, index) => first + index);
    const info = {
      prompt: body['prompt'] ?? '',
      seed: first,
      all_seeds: seeds,
      sampler_name: samplerOf(body['sampler_name']),
      steps,
      cfg_scale: body['cfg_scale'] ?? 7,
      width,
      height,
      sd_model_name: checkpoint.model_name,
      sd_model_hash: checkpoint.hash,
      job_timestamp: ui.jobTimestamp,
      index_of_first_image: grid ? 1 : 0,
      infotexts: [`${body['prompt']}\nSteps: ${steps}, Seed: ${first}`],
    };
    if (grid) images.unshift(await png(64, 64, UNFINISHED));
    const extensions = Object.keys(body['alwayson_scripts'] ?? {}).map((name) => name.toLowerCase());
    if (extensions.includes('controlnet')) images.push(await png(16, 16, UNFINISHED));
    return { images, info };
  }

  /** An unknown one is passed over without a word. */
  #load(title: unknown): (typeof CHECKPOINTS)[number] {
    const found = CHECKPOINTS.find((each) => each.title === title || each.model_name === title);
    if (found && this.#job.body['override_settings_restore_afterwards'] === false) this.#ui.loaded = found.title;
    return found ?? CHECKPOINTS.find((each) => each.title === this.#ui.loaded)!;
  }

  async #save(image: Buffer, index: number, settings: Json): Promise<void> {
    const pattern = settings['samples_filename_pattern'] || '[seed]';
    const below = settings['save_to_dirs'] === false ? '' : `/${settings['directories_filename_pattern'] || '[date]'}`;
    const folder = `${OUTDIR[this.#job.route]}${below}`;
    const name = `${String(index).padStart(5, '0')}-${pattern}.png`;
    this.#disk.files.set(`${folder}/${name}`, image);
    if (!this.#disk.folder) return;
    await mkdir(join(this.#disk.folder, folder), { recursive: true });
    await writeFile(join(this.#disk.folder, folder, name), image);
  }

  /** The network fails for a moment while it works. */
  #drop(): void {
    if (this.#state.drops <= 0) return;
    this.#state.drops -= 1;
    this.#cut();
  }
}

/** What an unknown sampler becomes: the first one. */
function samplerOf(name: unknown): string {
  const asked = typeof name === 'string' ? name : '';
  const found = SAMPLERS.find((each) => asked === each.name || asked.startsWith(`${each.name} `));
  return (found ?? SAMPLERS[0]!).name;
}

/** @throws PythonError 422 as the server does for scripts it does not have */
export function checkScripts(route: 'txt2img' | 'img2img', body: Json): void {
  const known = SCRIPT_INFO.filter(({ is_img2img }) => is_img2img === (route === 'img2img'));
  const find = (name: string) => known.find((each) => each.name === name.toLowerCase());
  const chosen = body['script_name'] as string | undefined;
  if (chosen && find(chosen)?.is_alwayson !== false) throw new PythonError(422, `Script '${chosen}' not found`);
  for (const name of Object.keys(body['alwayson_scripts'] ?? {})) {
    const script = find(name);
    if (!script) throw new PythonError(422, `Script '${name}' not found`);
    if (!script.is_alwayson) {
      throw new PythonError(422, 'Cannot have a selectable script in the always on scripts params');
    }
  }
}
