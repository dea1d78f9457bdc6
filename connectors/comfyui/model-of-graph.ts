/** Inputs that name the large part of what a graph loads, the most usual first. ComfyUI's own loader nodes. */
const MODEL_INPUTS = ['ckpt_name', 'unet_name'];

/** The checkpoint or diffusion model that the graph of a payload loads; undefined for a template, or for none. */
export function modelOfGraph({ workflow, inputs }: Record<string, unknown>): string | undefined {
  const nodes = Object.entries((workflow ?? {}) as Record<string, { inputs?: Record<string, unknown> } | undefined>);
  const given = (inputs ?? {}) as Record<string, unknown>;
  for (const name of MODEL_INPUTS) {
    for (const [id, node] of nodes) {
      const value = given[`${id}.${name}`] ?? node?.inputs?.[name];
      if (typeof value === 'string') return value;
    }
  }
  return undefined;
}
