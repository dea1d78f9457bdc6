const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Replaces `${NAME}` and `${NAME:-default}` in a text, or in every text of a nested object or list. As in a shell, an
 * empty variable counts as unset; without a default it becomes the empty text.
 */
export function expandEnv<T>(template: T, env: Environment): T {
  return expand(template, env) as T;
}

function expand(value: unknown, env: Environment): unknown {
  if (typeof value === 'string') {
    return value.replace(REFERENCE, (_, name: string, fallback: string | undefined) => env[name] || (fallback ?? ''));
  }
  if (Array.isArray(value)) return value.map((entry) => expand(entry, env));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, expand(entry, env)]));
}

/**
 * Which required variables have neither a value nor a default.
 * @param declared what a connector's `getRequiredEnvVars()` says; a template such as `${X:-}` gives no default
 * @param required names that the service mapping lists under `required_env`
 * @returns all of them at once, in the order of `required`
 */
export function missingEnvVars(
  declared: Readonly<Record<string, string>>,
  env: Environment,
  required: readonly string[],
): string[] {
  const lacks = (name: string) => !env[name] && !expandEnv(declared[name] ?? '', env);
  return [...new Set(required)].filter(lacks);
}
