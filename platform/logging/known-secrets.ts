import { isSensitiveName } from './redact.ts';

/** What a person types for a server that wants any key at all. */
const PLACEHOLDER = /^(?:none|dummy|ollama|changeme|unused|not-needed|no-key|true|false|\d+)$/i;

/** Values of the variables whose names say that they hold a secret: those a log line must never hold, in any form. */
export function knownSecrets(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (!value || PLACEHOLDER.test(value) || !isSensitiveName(name)) return [];
    // Several keys in one variable are used one by one.
    return [value, ...value.split(/[\s,;]+/)];
  });
}
