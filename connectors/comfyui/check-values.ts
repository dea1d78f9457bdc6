import type { ErrorCode, FieldError } from '../../contract/errors.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { insideAddress } from '../http/inside-address.ts';
import { titleOf, type GraphNode } from './api-graph.ts';
import type { JobPlan } from './job-plan.ts';
import type { ComfySettings } from './settings.ts';
import type { MediaInput } from './upload-inputs.ts';

type Limits = Pick<ComfySettings, 'max_text_length' | 'max_pixels' | 'allow_private_urls'>;

/** A text that is an address as a whole; a prompt with a link in it is none. */
const ADDRESS = /^(?:https?|wss?|ftps?|file):\S*$/i;
/** How many pictures a node makes of that size: of a batch, of a video. */
const COUNTS = ['batch_size', 'length', 'frames', 'num_frames', 'video_length'] as const;

/**
 * Bounds that no server knows: a graph may ask for pictures that no memory holds, for texts that nobody has typed, and
 * nodes that fetch addresses do so from inside the network.
 * @param uploads inputs that are uploaded: their references are checked where they are opened
 * @throws ConnectorError `validation`, or `permission` when nothing but addresses is wrong, with a pointer for each input
 */
export async function checkValues(plan: JobPlan, uploads: readonly MediaInput[], limits: Limits): Promise<void> {
  const errors: FieldError[] = [];
  const addresses: FieldError[] = [];
  const uploaded = new Set(uploads.map(({ node, input }) => `${node}.${input}`));
  for (const [id, node] of Object.entries(plan.graph)) {
    const title = titleOf(plan.graph, id);
    const size = sizeProblem(node, limits.max_pixels);
    if (size)
      errors.push({ pointer: plan.pointerOf(id, 'width'), detail: `of ${title} ${size}`, hint: hintFor.pixels });
    for (const [input, value] of Object.entries(node.inputs)) {
      if (typeof value !== 'string' || uploaded.has(`${id}.${input}`) || value.startsWith('data:')) continue;
      const pointer = plan.pointerOf(id, input);
      if (limits.max_text_length > 0 && value.length > limits.max_text_length) {
        const detail = `of ${title} has ${value.length} characters; at most ${limits.max_text_length} are taken`;
        errors.push({ pointer, detail, hint: hintFor.text });
      } else if (!limits.allow_private_urls && ADDRESS.test(value)) {
        const problem = await addressProblem(value);
        if (problem) addresses.push({ pointer, detail: `of ${title} ${problem}`, hint: hintFor.address });
      }
    }
  }
  const all = [...errors, ...addresses];
  if (all.length === 0) return;
  const code: ErrorCode = errors.length > 0 ? 'validation' : 'permission';
  const text = all.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ');
  throw new ConnectorError(code, `The graph is not valid: ${text}`, { errors: all });
}

const hintFor = {
  pixels: 'ask for less, or let the operator raise COMFYUI_MAX_PIXELS',
  text: 'shorten it, or let the operator raise COMFYUI_MAX_TEXT_LENGTH',
  address: 'name a public address, or upload the file; COMFYUI_ALLOW_PRIVATE_URLS=true lets nodes fetch from anywhere',
};

function sizeProblem({ inputs }: GraphNode, most: number): string | undefined {
  const { width, height } = inputs;
  if (most <= 0 || typeof width !== 'number' || typeof height !== 'number') return undefined;
  const counts = COUNTS.map((name) => inputs[name]).filter((value) => typeof value === 'number' && value > 0);
  const pixels = [width, height, ...(counts as number[])].reduce((product, factor) => product * factor, 1);
  if (!(pixels > most)) return undefined;
  const shown = [`${width} × ${height}`, ...counts].join(' × ');
  return `asks for ${shown} pixels; at most ${most} are taken`;
}

/** @returns why a node must not fetch it; a name that cannot be resolved here is left to the node */
async function addressProblem(text: string): Promise<string | undefined> {
  if (/^file:/i.test(text)) return 'names a file of the machine that ComfyUI runs on';
  const host = await insideAddress(text);
  return host === undefined ? undefined : `is an address inside the network (${host})`;
}
