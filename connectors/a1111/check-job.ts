import { pointerTo } from '../../platform/routing/check-shape.ts';
import type { ErrorCode, FieldError } from '../../contract/errors.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { Catalog, Lists, Named, Script } from './catalog.ts';
import { modeOf, type A1111Payload } from './payload.schema.ts';
import type { A1111Settings } from './settings.ts';

/** Names as the server wants to hear them, by the payload's fields; `override_settings.x` for options. */
export type ServerNames = Readonly<Record<string, string>>;

/** Kinds of lists in which a name is looked up. */
type NameList = 'checkpoints' | 'vaes' | 'samplers' | 'schedulers' | 'upscalers' | 'latentUpscalers' | 'styles';

interface Wish {
  /** Below `/payload`. */
  field: string;
  value: string;
  lists: NameList[];
  what: string;
  code: ErrorCode;
  /** Besides what the lists hold. */
  words?: string[];
}

const LISTED = 20;

/**
 * Looks up whatever a job names before anything is sent: the server takes most unknown names without a word and draws
 * with something else. A list that the server does not have checks nothing.
 * @returns the names to send
 * @throws ConnectorError `missing_model`, `permission` or `validation`, naming all fields that are wrong
 */
export async function checkJob(payload: A1111Payload, catalog: Catalog, settings: A1111Settings): Promise<ServerNames> {
  const problems: { code: ErrorCode; error: FieldError }[] = [];
  const names: Record<string, string> = {};
  checkAllowed(payload, settings);
  for (const wish of wishes(payload, settings)) {
    const found = await lookUp(wish, catalog);
    if (typeof found === 'string') names[wish.field] = found;
    else if (found) problems.push({ code: wish.code, error: found });
  }
  for (const error of await checkScripts(payload, catalog)) problems.push({ code: 'validation', error });
  for (const error of await checkLoras(payload, catalog)) problems.push({ code: 'missing_model', error });
  if (problems.length === 0) return names;
  const errors = problems.map(({ error }) => error);
  const code = problems.every((problem) => problem.code === 'missing_model') ? 'missing_model' : 'validation';
  const text = errors.map(({ pointer, detail, hint }) => `${pointer} ${detail}${hint ? ` (${hint})` : ''}`).join('; ');
  throw new ConnectorError(code, `This server cannot do the job: ${text}`, { errors });
}

/**
 * A checkpoint as the server wants to hear it.
 * @param model title, name, file or hash
 * @throws ConnectorError `missing_model` with what there is
 */
export async function checkpointTitle(model: string, catalog: Catalog): Promise<string> {
  const wish: Wish = { field: 'model', value: model, lists: ['checkpoints'], what: 'model', code: 'missing_model' };
  const found = await lookUp(wish, catalog);
  if (typeof found === 'string') return found;
  throw new ConnectorError('missing_model', `The server has no model "${model}"; ${found?.hint}`);
}

function wishes(payload: A1111Payload, settings: A1111Settings): Wish[] {
  const all: (Wish | undefined)[] = [];
  const wish = (field: string, value: unknown, lists: NameList[], what: string, more: Partial<Wish> = {}) => {
    if (typeof value !== 'string' || value === '') return;
    all.push({ field, value, lists, what, code: 'validation', ...more });
  };
  const model = { code: 'missing_model' as const };
  const own = payload.override_settings ?? {};
  if (modeOf(payload) !== 'extras') {
    const option = own['sd_model_checkpoint'];
    wish(
      'model',
      payload.model ?? (option === undefined ? settings.model : undefined),
      ['checkpoints'],
      'model',
      model,
    );
    wish('override_settings/sd_model_checkpoint', option, ['checkpoints'], 'model', model);
  }
  const vae = { ...model, words: ['Automatic', 'None'] };
  wish('vae', payload.vae, ['vaes'], 'VAE', vae);
  wish('override_settings/sd_vae', own['sd_vae'], ['vaes'], 'VAE', vae);
  wish('refiner_checkpoint', payload.refiner_checkpoint, ['checkpoints'], 'model', {
    ...model,
    words: ['None', 'none'],
  });
  wish('hr_checkpoint_name', payload.hr_checkpoint_name, ['checkpoints'], 'model', {
    ...model,
    words: ['Use same checkpoint'],
  });
  wish('sampler_name', payload.sampler_name, ['samplers'], 'sampler');
  wish('hr_sampler_name', payload.hr_sampler_name, ['samplers'], 'sampler', { words: ['Use same sampler'] });
  wish('scheduler', payload.scheduler, ['schedulers'], 'scheduler');
  wish('hr_scheduler', payload.hr_scheduler, ['schedulers'], 'scheduler', { words: ['Use same scheduler'] });
  wish('hr_upscaler', payload.hr_upscaler, ['latentUpscalers', 'upscalers'], 'upscaler', model);
  wish('upscaler_1', payload.upscaler_1, ['upscalers'], 'upscaler', { ...model, words: ['None'] });
  wish('upscaler_2', payload.upscaler_2, ['upscalers'], 'upscaler', { ...model, words: ['None'] });
  for (const [index, style] of (payload.styles ?? []).entries()) wish(`styles/${index}`, style, ['styles'], 'style');
  return all.filter((each) => each !== undefined);
}

/** @returns the server's name for it, what is wrong with it, or undefined when nobody can tell */
async function lookUp(wish: Wish, catalog: Catalog): Promise<string | FieldError | undefined> {
  if (wish.words?.includes(wish.value)) return wish.value;
  const first = await namesOf(wish.lists, catalog);
  if (!first) return wish.value;
  const found = nameIn(first, wish) ?? (await composed(wish, catalog));
  if (found) return found;
  // It may have been installed just now.
  for (const list of wish.lists) catalog.forget(list);
  const fresh = (await namesOf(wish.lists, catalog)) ?? [];
  const now = nameIn(fresh, wish);
  if (now) return now;
  return {
    pointer: `/payload/${wish.field}`,
    detail: `names the ${wish.what} "${wish.value}", which the server does not have`,
    hint: `it has ${shown([...(wish.words ?? []), ...fresh.map(({ name }) => name)], wish.value)}`,
  };
}

async function namesOf(lists: NameList[], catalog: Catalog): Promise<Named[] | undefined> {
  const found = await Promise.all(lists.map((list) => catalog.get(list)));
  return found.some((list) => list === undefined) ? undefined : found.flatMap((list) => list ?? []);
}

function nameIn(names: readonly Named[], { value }: Wish): string | undefined {
  const exact = names.find(({ name }) => name === value) ?? names.find(({ also }) => also.includes(value));
  if (exact) return exact.name;
  const folded = value.toLowerCase();
  const near = names.filter(({ name, also }) => [name, ...also].some((each) => each.toLowerCase() === folded));
  return near.length === 1 ? near[0]!.name : undefined;
}

/** Up to 1.8 the scheduler was a part of the sampler's name ("DPM++ 2M Karras"); newer servers still take it apart. */
async function composed(wish: Wish, catalog: Catalog): Promise<string | undefined> {
  if (!wish.lists.includes('samplers')) return undefined;
  const [samplers, schedulers] = await Promise.all([catalog.get('samplers'), catalog.get('schedulers')]);
  for (const scheduler of (schedulers ?? []).flatMap(({ name, also }) => [name, ...also])) {
    if (!wish.value.endsWith(` ${scheduler}`)) continue;
    const value = wish.value.slice(0, -scheduler.length - 1);
    const sampler = nameIn(samplers ?? [], { ...wish, value });
    if (sampler) return `${sampler} ${scheduler}`;
  }
  return undefined;
}

function shown(names: readonly string[], wanted: string): string {
  const start = wanted.slice(0, 3).toLowerCase();
  const near = names.filter((name) => name.toLowerCase().startsWith(start));
  const chosen = near.length > 0 ? near : names;
  const more = chosen.length > LISTED ? ` and ${chosen.length - LISTED} more` : '';
  return chosen.length === 0 ? 'none' : `${chosen.slice(0, LISTED).join(', ')}${more}`;
}

async function checkScripts(payload: A1111Payload, catalog: Catalog): Promise<FieldError[]> {
  const mode = modeOf(payload);
  const { script_name, script_args = [], alwayson_scripts = {} } = payload;
  const asked = [...(script_name ? [script_name] : []), ...Object.keys(alwayson_scripts)];
  if (mode === 'extras' || asked.length === 0) return [];
  const lists = await catalog.get('scripts');
  const infos = (await catalog.get(mode === 'txt2img' ? 'txt2imgScripts' : 'img2imgScripts')) ?? [];
  const infoOf = (name: string): Script | undefined => infos.find((info) => sameScript(info.name, name));
  const errors: FieldError[] = [];
  const known = lists?.[mode];
  for (const name of asked) {
    const pointer = name === script_name ? '/payload/script_name' : pointerTo('/payload/alwayson_scripts', name);
    if (known && !known.some((each) => sameScript(each, name))) {
      const hint = `it has ${shown(known, name)}`;
      errors.push({ pointer, detail: `names the script "${name}", which the server does not have for ${mode}`, hint });
      continue;
    }
    const info = infoOf(name);
    if (!info) continue;
    if (info.alwayson !== (name !== script_name)) {
      const hint = info.alwayson
        ? 'put it into alwayson_scripts'
        : 'name it in script_name, its arguments in script_args';
      errors.push({ pointer, detail: `"${name}" is ${info.alwayson ? 'an extension' : 'a script to choose'}`, hint });
    } else if (!info.alwayson && script_args.length !== info.args) {
      const detail = `has ${script_args.length} arguments; "${name}" takes ${info.args}, all of them in order`;
      errors.push({ pointer: '/payload/script_args', detail });
    } else if (info.alwayson && (alwayson_scripts[name]?.args?.length ?? 0) > info.args) {
      errors.push({ pointer: `${pointer}/args`, detail: `has more arguments than "${name}" takes (${info.args})` });
    }
  }
  return errors;
}

/** The server's own comparison. */
function sameScript(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** Network names as prompts write them: `<lora:name:0.8>`. */
const LORA = /<(?:lora|lyco):([^:>]+)/g;

async function checkLoras(payload: A1111Payload, catalog: Catalog): Promise<FieldError[]> {
  const fields = ['prompt', 'negative_prompt', 'hr_prompt', 'hr_negative_prompt'] as const;
  const asked = fields.flatMap((field) =>
    [...(payload[field] ?? '').matchAll(LORA)].map(([, name = '']) => ({ field, name })),
  );
  if (asked.length === 0) return [];
  const missing = (loras: Lists['loras']) => {
    if (!loras) return [];
    const known = new Set(loras.flatMap(({ name, also }) => [name, ...also]));
    return asked.filter(({ name }) => !known.has(name));
  };
  if (missing(await catalog.get('loras')).length === 0) return [];
  catalog.forget('loras');
  const loras = (await catalog.get('loras')) ?? [];
  return missing(loras).map(({ field, name }) => ({
    pointer: `/payload/${field}`,
    detail: `names the LoRA "${name}", which the server does not have`,
    hint: `it has ${shown(
      loras.map((lora) => lora.name),
      name,
    )}`,
  }));
}

function checkAllowed(payload: A1111Payload, { models }: A1111Settings): void {
  if (models.length === 0) return;
  const own = payload.override_settings ?? {};
  const asked: [field: string, value: unknown][] = [
    ['model', payload.model],
    ['override_settings/sd_model_checkpoint', own['sd_model_checkpoint']],
    ['refiner_checkpoint', payload.refiner_checkpoint],
    ['hr_checkpoint_name', payload.hr_checkpoint_name],
  ];
  for (const [field, value] of asked) {
    if (typeof value !== 'string' || models.includes(value) || value === 'Use same checkpoint') continue;
    const hint = `allowed are ${models.join(', ')} (A1111_MODELS on the worker)`;
    throw new ConnectorError('permission', `The model "${value}" may not be used here; ${hint}`, {
      errors: [{ pointer: `/payload/${field}`, detail: 'is not among the allowed models', hint }],
    });
  }
}
