/** What `/object_info` says of a node. Shapes as measured on ComfyUI 0.3.64. */
export interface NodeDefinition {
  input: { required: Record<string, unknown[]>; optional?: Record<string, unknown[]> };
  output: string[];
  output_node: boolean;
  name: string;
  display_name: string;
  description: string;
  python_module: string;
  category: string;
}

const int = (min: number, max: number, fallback = min) => ['INT', { default: fallback, min, max }];
const float = (min: number, max: number, fallback = min) => ['FLOAT', { default: fallback, min, max }];
const text = (fallback = '') => ['STRING', { default: fallback, multiline: false }];

interface Sketch {
  inputs: Record<string, unknown[]>;
  optional?: Record<string, unknown[]>;
  outputs?: string[];
  output_node?: boolean;
  module?: string;
}

/** `$checkpoints` and the like stand for the list of that model folder, `$input` for the input folder. */
const SKETCHES: Record<string, Sketch> = {
  EmptyImage: {
    inputs: {
      width: int(1, 16_384, 512),
      height: int(1, 16_384, 512),
      batch_size: int(1, 4_096),
      color: int(0, 16_777_215),
    },
    outputs: ['IMAGE'],
  },
  ImageInvert: { inputs: { image: ['IMAGE'] }, outputs: ['IMAGE'] },
  ImageScale: {
    inputs: {
      image: ['IMAGE'],
      upscale_method: [['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos']],
      width: int(0, 16_384, 512),
      height: int(0, 16_384, 512),
      crop: [['disabled', 'center']],
    },
    outputs: ['IMAGE'],
  },
  LoadImage: { inputs: { image: ['$input', { image_upload: true }] }, outputs: ['IMAGE', 'MASK'] },
  LoadAudio: { inputs: { audio: ['$input', { audio_upload: true }] }, outputs: ['AUDIO'] },
  SaveImage: { inputs: { images: ['IMAGE'], filename_prefix: text('ComfyUI') }, output_node: true },
  PreviewImage: { inputs: { images: ['IMAGE'] }, output_node: true },
  SaveImageWebsocket: { inputs: { images: ['IMAGE'] }, output_node: true, module: 'custom_nodes.websocket_image_save' },
  CreateVideo: {
    inputs: { images: ['IMAGE'], fps: float(1, 120, 30) },
    optional: { audio: ['AUDIO'] },
    outputs: ['VIDEO'],
  },
  SaveVideo: {
    inputs: {
      video: ['VIDEO'],
      filename_prefix: text('video/ComfyUI'),
      format: ['COMBO', { default: 'auto', options: ['auto', 'mp4'] }],
      codec: ['COMBO', { default: 'auto', options: ['auto', 'h264'] }],
    },
    output_node: true,
  },
  EmptyAudio: { inputs: { duration: float(0, 1e6, 60) }, outputs: ['AUDIO'] },
  SaveAudio: { inputs: { audio: ['AUDIO'], filename_prefix: text('audio/ComfyUI') }, output_node: true },
  SaveGLB: { inputs: { mesh: ['IMAGE'], filename_prefix: text('mesh/ComfyUI') }, output_node: true },
  PreviewAny: { inputs: { source: ['*', {}] }, output_node: true },
  CheckpointLoaderSimple: { inputs: { ckpt_name: ['$checkpoints', {}] }, outputs: ['MODEL', 'CLIP', 'VAE'] },
  LoraLoader: {
    inputs: { model: ['MODEL'], clip: ['CLIP'], lora_name: ['$loras'], strength_model: float(-100, 100, 1) },
    outputs: ['MODEL', 'CLIP'],
  },
  CLIPTextEncode: { inputs: { text: text(), clip: ['CLIP'] }, outputs: ['CONDITIONING'] },
  EmptyLatentImage: {
    inputs: { width: int(16, 16_384, 512), height: int(16, 16_384, 512), batch_size: int(1, 4_096) },
    outputs: ['LATENT'],
  },
  KSampler: {
    inputs: {
      model: ['MODEL'],
      seed: int(0, 2 ** 53),
      steps: int(1, 10_000, 20),
      cfg: float(0, 100, 8),
      sampler_name: [['euler', 'dpmpp_2m']],
      scheduler: [['normal', 'karras']],
      positive: ['CONDITIONING'],
      negative: ['CONDITIONING'],
      latent_image: ['LATENT'],
      denoise: float(0, 1, 1),
    },
    outputs: ['LATENT'],
  },
  VAEDecode: { inputs: { samples: ['LATENT'], vae: ['VAE'] }, outputs: ['IMAGE'] },
  // The rest is the double's own: nodes that behave as a test needs it.
  /** Works in steps of some milliseconds and reports each; can be interrupted between them. */
  Steps: {
    inputs: { image: ['IMAGE'], steps: int(1, 100_000), ms: int(0, 60_000), previews: ['BOOLEAN', { default: false }] },
    outputs: ['IMAGE'],
    module: 'custom_nodes.double',
  },
  /** Waits until the test releases its name; reports progress, so that it can be interrupted. */
  Hold: { inputs: { image: ['IMAGE'], name: text() }, outputs: ['IMAGE'], module: 'custom_nodes.double' },
  /** Waits until released, in one long call that no interrupt reaches. */
  Stuck: { inputs: { image: ['IMAGE'], name: text() }, outputs: ['IMAGE'], module: 'custom_nodes.double' },
  /** Raises. */
  Fail: {
    inputs: { image: ['IMAGE'], exception_type: text('RuntimeError'), message: text('it broke') },
    outputs: ['IMAGE'],
    module: 'custom_nodes.double',
  },
  /** Found to depend on itself at run time: the history then says success. */
  Cycle: { inputs: { image: ['IMAGE'] }, outputs: ['IMAGE'], module: 'custom_nodes.double' },
  /** Takes the worker thread with it. */
  KillWorker: { inputs: { image: ['IMAGE'] }, outputs: ['IMAGE'], module: 'custom_nodes.double' },
  /** Writes a file of so many bytes. */
  SaveBytes: {
    inputs: { image: ['IMAGE'], bytes: int(0, 2 ** 40), filename_prefix: text('bytes') },
    output_node: true,
    module: 'custom_nodes.double',
  },
};

/** The definitions that a server with these files has; `hidden` classes are not installed. */
export function nodeDefinitions(
  models: Readonly<Record<string, readonly string[]>>,
  inputs: readonly string[],
  hidden: ReadonlySet<string>,
): Record<string, NodeDefinition> {
  const filled = (spec: unknown[]) =>
    typeof spec[0] === 'string' && spec[0].startsWith('$')
      ? [spec[0] === '$input' ? [...inputs] : [...(models[spec[0].slice(1)] ?? [])], ...spec.slice(1)]
      : spec;
  const fill = (specs: Record<string, unknown[]>) =>
    Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, filled(spec)]));
  return Object.fromEntries(
    Object.entries(SKETCHES)
      .filter(([name]) => !hidden.has(name))
      .map(([name, sketch]) => [
        name,
        {
          input: { required: fill(sketch.inputs), ...(sketch.optional ? { optional: fill(sketch.optional) } : {}) },
          output: sketch.outputs ?? [],
          output_node: sketch.output_node ?? false,
          name,
          display_name: name,
          description: '',
          python_module: sketch.module ?? 'nodes',
          category: 'double',
        },
      ]),
  );
}
