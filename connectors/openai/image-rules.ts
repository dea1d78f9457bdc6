/** What is known of an image model; a model that is not known is taken as it is. */
interface ImageModelRules {
  maxPrompt: number;
  maxImages: number;
  sizes: string[] | ((width: number, height: number) => string | undefined);
  qualities: string[];
  /** How many pictures an edit takes; 0: no edits. */
  maxInputs: number;
  /** Whether it is one of the GPT image models, which have a format, a background and partial images. */
  gpt: boolean;
  transparent: boolean;
}

const GPT: ImageModelRules = {
  maxPrompt: 32_000,
  maxImages: 10,
  sizes: ['auto', '1024x1024', '1536x1024', '1024x1536'],
  qualities: ['auto', 'low', 'medium', 'high'],
  maxInputs: 16,
  gpt: true,
  transparent: true,
};

/** OpenAPI description of the API, version 2.3.0 and the SDK's notes, by what a model's name begins with. */
const RULES: [prefix: string, rules: ImageModelRules][] = [
  ['gpt-image-1', GPT],
  ['chatgpt-image', GPT],
  ['gpt-image-2', { ...GPT, sizes: freeSize, transparent: false }],
  [
    'dall-e-3',
    {
      maxPrompt: 4_000,
      maxImages: 1,
      sizes: ['1024x1024', '1792x1024', '1024x1792'],
      qualities: ['auto', 'standard', 'hd'],
      maxInputs: 0,
      gpt: false,
      transparent: false,
    },
  ],
  [
    'dall-e-2',
    {
      maxPrompt: 1_000,
      maxImages: 10,
      sizes: ['256x256', '512x512', '1024x1024'],
      qualities: ['auto', 'standard'],
      maxInputs: 1,
      gpt: false,
      transparent: false,
    },
  ],
];

function freeSize(width: number, height: number): string | undefined {
  if (width % 16 !== 0 || height % 16 !== 0) return 'both sides must be divisible by 16';
  if (width > 3 * height || height > 3 * width) return 'the sides must be between 1:3 and 3:1';
  if (width * height > 3_840 * 2_160) return 'it must not have more pixels than 3840x2160';
  return undefined;
}

export interface ImageWish {
  prompt: string;
  image?: string;
  images?: string[];
  mask?: string;
  n?: number;
  size?: string;
  quality?: string;
  background?: string;
  output_format?: string;
  output_compression?: number;
  moderation?: string;
  input_fidelity?: string;
  style?: string;
  partial_images?: number;
}

const GPT_ONLY = ['background', 'output_format', 'output_compression', 'moderation', 'input_fidelity'] as const;

/** Whether the model answers `response_format`, and needs it to send pictures instead of addresses. */
export function takesResponseFormat(model: string): boolean {
  return model.startsWith('dall-e');
}

/**
 * What a model is known not to do. An impossible wish is found before it is sent, where the model is known.
 * @returns field and what is wrong with it
 */
export function imageProblems(model: string, wish: ImageWish): { field: string; problem: string }[] {
  const rules = RULES.find(([prefix]) => model.startsWith(prefix))?.[1];
  if (!rules) return [];
  const problems: { field: string; problem: string }[] = [];
  const refuse = (field: keyof ImageWish, problem: string) => problems.push({ field, problem });
  if (wish.prompt.length > rules.maxPrompt) {
    refuse('prompt', `has ${wish.prompt.length} characters; ${model} takes at most ${rules.maxPrompt}`);
  }
  if ((wish.n ?? 1) > rules.maxImages) refuse('n', `must be at most ${rules.maxImages} for ${model}`);
  const size = wish.size && wish.size !== 'auto' ? sizeProblem(wish.size, rules) : undefined;
  if (size) refuse('size', `is not possible with ${model}: ${size}`);
  if (wish.quality && !rules.qualities.includes(wish.quality)) {
    refuse('quality', `must be ${rules.qualities.join(', ')} for ${model}`);
  }
  const inputs = (wish.image ? 1 : 0) + (wish.images?.length ?? 0);
  if (inputs > rules.maxInputs) {
    refuse('image', rules.maxInputs === 0 ? `${model} edits no pictures` : `${model} edits at most ${rules.maxInputs}`);
  }
  for (const field of GPT_ONLY) {
    if (wish[field] !== undefined && !rules.gpt) refuse(field, `is not known to ${model}`);
  }
  if ((wish.partial_images ?? 0) > 0 && !rules.gpt) refuse('partial_images', `is not known to ${model}`);
  if (wish.style && !model.startsWith('dall-e-3')) refuse('style', 'is known to dall-e-3 only');
  if (wish.background === 'transparent' && rules.gpt && !rules.transparent) {
    refuse('background', `cannot be transparent with ${model}`);
  }
  return problems;
}

function sizeProblem(size: string, rules: ImageModelRules): string | undefined {
  if (Array.isArray(rules.sizes)) return rules.sizes.includes(size) ? undefined : `it has ${rules.sizes.join(', ')}`;
  const [width = 0, height = 0] = size.split('x').map(Number);
  return rules.sizes(width, height);
}
