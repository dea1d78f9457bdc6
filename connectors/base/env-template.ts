import { expandTemplates } from '../../platform/catalog/env-template.ts';

/**
 * Replaces `${NAME}` and `${NAME:-default}` in a text, or in every text of a nested object or list. As in a shell, an
 * empty variable counts as unset; without a default it becomes the empty text.
 */
export const expandEnv: <T>(template: T, env: NodeJS.ProcessEnv) => T = expandTemplates;

/**
 * Which required variables have neither a value nor a default.
 * @param declared what a connector's `getRequiredEnvVars()` says; a template such as `${X:-}` gives no default
 * @param required names that the service mapping lists under `required_env`
 * @returns all of them at once, in the order of `required`
 */
export function missingEnvVars(
  declared: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv,
  required: readonly string[],
): string[] {
  const lacks = (name: string) => !env[name] && !expandEnv(declared[name] ?? '', env);
  return [...new Set(required)].filter(lacks);
}

/**
 * What the environment says of a connector's variables, by names of the configuration.
 * @param prefix taken off the variables' names: `COMFYUI_POLL_SECONDS` → `poll_seconds`
 */
export function configOf(
  declared: Readonly<Record<string, string>>,
  prefix: string,
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  const values = Object.entries(expandEnv(declared, env));
  return Object.fromEntries(values.map(([name, value]) => [name.slice(prefix.length).toLowerCase(), value]));
}
