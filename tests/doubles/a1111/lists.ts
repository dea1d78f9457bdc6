/** What the double has installed: the answers of its lists. */
const model = (title: string, sha: string) => {
  const file = title.replace(/ \[.*/, '');
  return {
    title,
    model_name: file.replace(/\.\w+$/, ''),
    hash: sha.slice(0, 10),
    sha256: sha,
    filename: `/webui/models/Stable-diffusion/${file}`,
    config: null,
  };
};

export const CHECKPOINTS = [
  model('dreamlike-v1.safetensors [0123456789]', '0123456789'.padEnd(64, 'a')),
  model('anything-v3.ckpt [8712e20a5d]', '8712e20a5d'.padEnd(64, 'b')),
];
/** Copied into the folder while it runs; listed after a refresh. */
export const LATECOMER = model('late-arrival.safetensors [fedcba9876]', 'fedcba9876'.padEnd(64, 'c'));

export const SAMPLERS = [
  { name: 'DPM++ 2M', aliases: ['k_dpmpp_2m'], options: { scheduler: 'karras' } },
  { name: 'Euler a', aliases: ['k_euler_a', 'k_euler_ancestral'], options: { uses_ensd: 'True' } },
  { name: 'Euler', aliases: ['k_euler'], options: {} },
];

export const SCHEDULERS = [
  { name: 'automatic', label: 'Automatic', aliases: null, default_rho: -1, need_inner_model: false },
  { name: 'karras', label: 'Karras', aliases: null, default_rho: 7, need_inner_model: false },
];

export const UPSCALERS = ['None', 'Lanczos', 'Nearest', 'R-ESRGAN 4x+'].map((name) => ({
  name,
  model_name: null,
  model_path: null,
  model_url: null,
  scale: 4,
}));

export const LATENT_UPSCALERS = [{ name: 'Latent' }, { name: 'Latent (antialiased)' }];
export const VAES = [{ model_name: 'vae-ft-mse.safetensors', filename: '/webui/models/VAE/vae-ft-mse.safetensors' }];
export const STYLES = [{ name: 'Film', prompt: 'film grain', negative_prompt: '' }];
export const LORAS = [{ name: 'ink', alias: 'ink-drawing', path: '/webui/models/Lora/ink.safetensors', metadata: {} }];

interface ScriptInfo {
  name: string;
  is_alwayson: boolean;
  is_img2img: boolean;
  args: { label: string }[];
}

const args = (count: number) => Array.from({ length: count }, (_, index) => ({ label: `argument ${index}` }));

export const SCRIPT_INFO: ScriptInfo[] = [false, true].flatMap((is_img2img) => [
  { name: 'prompt matrix', is_alwayson: false, is_img2img, args: args(5) },
  { name: 'controlnet', is_alwayson: true, is_img2img, args: args(3) },
  ...(is_img2img ? [{ name: 'sd upscale', is_alwayson: false, is_img2img, args: args(4) }] : []),
]);

export const SCRIPTS = {
  txt2img: SCRIPT_INFO.filter(({ is_img2img }) => !is_img2img).map(({ name }) => name),
  img2img: SCRIPT_INFO.filter(({ is_img2img }) => is_img2img).map(({ name }) => name),
};
