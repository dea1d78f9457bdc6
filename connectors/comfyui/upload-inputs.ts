import { extname } from 'node:path';
import type { InputFile, JobContext } from '../contract/job-context.ts';
import type { ComfyClient } from './comfy-client.ts';
import type { Definitions } from './check-graph.ts';
import type { FileEntry } from './documents.ts';
import type { JobPlan } from './job-plan.ts';

/** Folder below ComfyUI's input folder. */
const SUBFOLDER = 'switchyard';
/** Where a server does not tell which inputs take a file. */
const TAKES_FILES = new Set(['LoadImage', 'LoadImageMask', 'LoadAudio', 'LoadVideo', 'Load3D', 'Load3DAnimation']);
const REFERENCE = /^(?:artifact|data|file|https?):/i;
const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/jpeg': '.jpg',
  'image/png': '.png',
  'image/webp': '.webp',
  'image/gif': '.gif',
  'audio/mpeg': '.mp3',
  'audio/flac': '.flac',
  'audio/wav': '.wav',
  'video/mp4': '.mp4',
  'video/webm': '.webm',
  'model/gltf-binary': '.glb',
};

/** A place in a graph that wants a file. */
export interface MediaInput {
  node: string;
  input: string;
  reference: string;
}

/**
 * All places of a graph that hold a media reference. A text that merely looks like an address (a prompt with a link)
 * counts only where the node takes an uploaded file.
 */
export function mediaInputs(plan: JobPlan, definitions: Definitions): MediaInput[] {
  const found = [...plan.media];
  for (const [node, { class_type, inputs }] of Object.entries(plan.graph)) {
    for (const [input, value] of Object.entries(inputs)) {
      if (typeof value !== 'string' || !REFERENCE.test(value)) continue;
      const takesFile = definitions
        ? definitions.get(class_type)?.inputs.get(input)?.upload
        : TAKES_FILES.has(class_type);
      const known = found.some((each) => each.node === node && each.input === input);
      if (takesFile && !known) found.push({ node, input, reference: value });
    }
  }
  return found;
}

/**
 * Uploads what a graph needs and writes the server's names into it. One file that is named twice is sent once. Names
 * come from the content, so that a job that is tried again, or another one with the same picture, finds it there.
 */
export async function uploadInputs(
  plan: JobPlan,
  inputs: readonly MediaInput[],
  context: Pick<JobContext, 'openInput' | 'signal'>,
  client: ComfyClient,
): Promise<void> {
  const sent = new Map<string, Promise<string>>();
  for (const { node, input, reference } of inputs) {
    let name = sent.get(reference);
    if (!name) {
      name = (async () => {
        const file = await context.openInput(reference, plan.pointerOf(node, input));
        return nameOf(await client.upload(file, uploadName(file), SUBFOLDER, context.signal));
      })();
      sent.set(reference, name);
    }
    plan.graph[node]!.inputs[input] = await name;
  }
}

/** The name of an uploaded file, made from its content. */
export function uploadName(file: InputFile): string {
  const own = extname(file.name).toLowerCase();
  const extension = EXTENSIONS[file.mime] ?? (/^\.[a-z0-9]{1,8}$/.test(own) ? own : '');
  return `${file.sha256.slice(0, 24)}${extension}`;
}

/** As loading nodes want it. */
function nameOf({ subfolder, filename }: FileEntry): string {
  return subfolder ? `${subfolder}/${filename}` : filename;
}
