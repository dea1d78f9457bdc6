const MODEL_FILE = /\.(?:safetensors|sft|ckpt|pt|pt2|pth|bin|gguf|onnx|engine|pkl)$/i;
const MODEL_INPUT =
  /^(?:ckpt|checkpoint|lora|vae|unet|clip|control_?net|model|style_model|gligen|hypernetwork|upscale_model|diffusion_model|embedding|text_encoder)_name\d*$/;

/**
 * Whether a choice is one of models: then a value that is not offered is a missing model, not a wrong setting. Told by
 * the input's name or by what a model file looks like; nothing in a node's definition says it.
 */
export function isModelChoice(input: string, options: readonly unknown[] | undefined, value: unknown): boolean {
  if (!options || typeof value !== 'string') return false;
  return (
    MODEL_INPUT.test(input) ||
    MODEL_FILE.test(value) ||
    options.some((each) => typeof each === 'string' && MODEL_FILE.test(each))
  );
}
