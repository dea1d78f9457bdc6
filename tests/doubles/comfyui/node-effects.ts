import { setTimeout as delay } from 'node:timers/promises';
import type { Files } from './files.ts';
import { flac, glb, mp4, png } from './media.ts';
import { linkOf, type FileEntry, type Graph, type NodeOutput } from './wire.ts';

/** An exception inside a node. */
export class NodeError extends Error {
  readonly type: string;
  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

/** What a node can see and do while it runs. */
export interface NodeWork {
  graph: Graph;
  id: string;
  inputs: Record<string, unknown>;
  files: Files;
  /** The progress hook: also where an interrupt is noticed. */
  progress(value: number, max: number): void;
  picture(bytes: Buffer, format: 'jpeg' | 'png'): void;
  text(text: string): void;
  /** Waits until the test releases the name. `tick` runs every few milliseconds. */
  held(name: string, tick?: () => void): Promise<void>;
  die(): never;
  isOutput(className: string): boolean;
}

type Effect = (work: NodeWork) => Promise<NodeOutput | undefined>;

/** What a node does; most do nothing that shows. */
export function effectOf(className: string): Effect {
  return EFFECTS[className] ?? (async () => undefined);
}

const EFFECTS: Record<string, Effect> = {
  SaveImage: (work) => savePictures(work, String(work.inputs['filename_prefix']), 'output'),
  PreviewImage: (work) => savePictures(work, 'ComfyUI_temp_double', 'temp'),
  async SaveImageWebsocket(work) {
    const { count, picture } = await picturesOf(work);
    // Ends at max − 1, as the real node does.
    for (let index = 0; index < count; index++) {
      work.picture(picture, 'png');
      work.progress(index, count);
    }
    return undefined;
  },
  async SaveVideo(work) {
    return { images: [save(work, mp4(), '.mp4')], animated: [true] };
  },
  async SaveAudio(work) {
    return { audio: [save(work, flac(), '.flac')] };
  },
  async SaveGLB(work) {
    return { '3d': [save(work, glb(), '.glb')] };
  },
  async SaveBytes(work) {
    return { files: [save(work, Number(work.inputs['bytes']), '.bin')] };
  },
  async PreviewAny(work) {
    const { source } = work.inputs;
    return { text: [typeof source === 'string' ? source : JSON.stringify(source)] };
  },
  async KSampler(work) {
    const steps = Number(work.inputs['steps']);
    for (let step = 1; step <= steps; step++) work.progress(step, steps);
    return undefined;
  },
  async Steps(work) {
    const steps = Number(work.inputs['steps']);
    const preview = work.inputs['previews'] === true ? await png(8, 8, 0xff0000) : undefined;
    for (let step = 1; step <= steps; step++) {
      await delay(Number(work.inputs['ms']));
      if (preview) work.picture(preview, 'png');
      work.progress(step, steps);
    }
    return undefined;
  },
  async Hold(work) {
    const name = String(work.inputs['name']);
    // As a sampler that is slow: its progress barely moves.
    await work.held(name, () => work.progress(1.19e-6, 3));
    return undefined;
  },
  async Stuck(work) {
    await work.held(String(work.inputs['name']));
    return undefined;
  },
  async Fail(work) {
    throw new NodeError(String(work.inputs['exception_type']), String(work.inputs['message']));
  },
  async Cycle() {
    throw new NodeError('DependencyCycleError', 'Dependency cycle detected');
  },
  async KillWorker(work) {
    return work.die();
  },
};

async function savePictures(work: NodeWork, prefix: string, type: 'output' | 'temp'): Promise<NodeOutput> {
  if (prefix.split('/').includes('..'))
    throw new NodeError('Exception', 'Saving image outside the output folder is not allowed.');
  const { count, picture } = await picturesOf(work);
  const images: FileEntry[] = [];
  for (let index = 0; index < count; index++) {
    const entry = work.files.nextName(prefix, type, '.png');
    work.files.put(entry, picture);
    images.push(entry);
  }
  return { images };
}

function save(work: NodeWork, content: Buffer | number, extension: string): FileEntry {
  const entry = work.files.nextName(String(work.inputs['filename_prefix']), 'output', extension);
  work.files.put(entry, content);
  return entry;
}

/** Follows the links up to where the pictures begin; every size on the way counts. */
async function picturesOf(work: NodeWork): Promise<{ count: number; picture: Buffer }> {
  let id: string | undefined = work.id;
  let size: [number, number] | undefined;
  while (id !== undefined) {
    const node: Graph[string] = work.graph[id]!;
    const { width, height, batch_size, color } = node.inputs;
    if (typeof width === 'number' && typeof height === 'number') {
      // 0 keeps the proportions.
      size ??= [width || height || 8, height || width || 8];
    }
    if (node.class_type === 'EmptyImage' || node.class_type === 'EmptyLatentImage') {
      return { count: Number(batch_size ?? 1), picture: await png(...(size ?? [8, 8]), Number(color ?? 0)) };
    }
    const next = ['images', 'image', 'samples', 'latent_image'].map((name) => linkOf(node.inputs[name])).find(Boolean);
    id = next?.[0];
  }
  return { count: 1, picture: await png(...(size ?? [8, 8]), 0) };
}
