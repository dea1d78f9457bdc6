const MAX_MESSAGE = 2_000;
const MAX_STACK = 6_000;
const MAX_PROPERTY = 200;
const MAX_DEPTH = 5;

/** An error as it stands in a log line. */
export interface LoggedError {
  type: string;
  /** With those of its causes. */
  message: string;
  stack?: string;
  [property: string]: unknown;
}

/**
 * An error for the log: class, text and stack with those of its causes, and of its own properties only short ones. What
 * hangs on errors of HTTP libraries beside that (request, headers, body) is payload and credentials, and stays out.
 */
export function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const chain = causesOf(error);
  const logged: LoggedError = {
    type: error.constructor?.name || error.name,
    message: cut(messageOf(chain), MAX_MESSAGE),
    stack: cut(chain.map(stackOf).join('\ncaused by: '), MAX_STACK),
  };
  for (const [key, value] of Object.entries(error)) {
    if (key in logged || key === 'name' || key === 'cause') continue;
    if (typeof value === 'number' || typeof value === 'boolean') logged[key] = value;
    else if (typeof value === 'string' && value.length <= MAX_PROPERTY) logged[key] = value;
  }
  return logged;
}

function causesOf(error: Error): Error[] {
  const chain: Error[] = [];
  for (let next: unknown = error; next instanceof Error && chain.length < MAX_DEPTH; next = next.cause)
    chain.push(next);
  return chain;
}

/** Many an error repeats its cause's text: once is enough. */
function messageOf(chain: readonly Error[]): string {
  return chain.reduce((text, { message, name }) => {
    const next = message || name;
    return text.includes(next) ? text : [text, next].filter(Boolean).join(': ');
  }, '');
}

function stackOf({ stack, name, message }: Error): string {
  return typeof stack === 'string' ? stack : `${name}: ${message}`;
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}… (${text.length} characters)`;
}
