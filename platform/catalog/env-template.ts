const TEMPLATE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/** Replaces `${VAR}` and `${VAR:-default}` in text; an unset variable without a default becomes empty. */
function expandTemplate(text: string, env: NodeJS.ProcessEnv): string {
  return text.replace(TEMPLATE, (_, name: string, fallback: string | undefined) => {
    const value = env[name];
    return value === undefined || value === '' ? (fallback ?? '') : value;
  });
}

/** {@link expandTemplate} through arrays and objects; other values stay as they are. */
export function expandTemplates<T>(value: T, env: NodeJS.ProcessEnv): T {
  if (typeof value === 'string') return expandTemplate(value, env) as T;
  if (Array.isArray(value)) return value.map((entry) => expandTemplates(entry, env)) as T;
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, expandTemplates(entry, env)])) as T;
  }
  return value;
}
