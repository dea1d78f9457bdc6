import { ERROR_CODES, isErrorCode, type ErrorCode } from '../../contract/errors.ts';
import { formatDuration } from '../../contract/duration.ts';
import { ConnectorError, type ConnectorErrorOptions } from '../contract/connector-error.ts';

export type Hook = 'initialize' | 'beforeJobProcess' | 'afterJobProcess' | 'onHealthCheck';

/** An error of a plugin: its message names the plugin and the hook. */
export class PluginError extends ConnectorError {
  readonly plugin: string;
  readonly hook: Hook;
  /** It said no on purpose; that stands whatever the configuration says about failures. */
  readonly refusal: boolean;

  constructor(
    source: { plugin: string; hook: Hook; refusal?: boolean },
    code: ErrorCode,
    message: string,
    options: ConnectorErrorOptions = {},
  ) {
    super(code, message, options);
    this.plugin = source.plugin;
    this.hook = source.hook;
    this.refusal = source.refusal ?? false;
  }
}

/** The plugin ran longer than it may. */
export function pluginTimeout(plugin: string, hook: Hook, limitMs: number): PluginError {
  const message = `The plugin "${plugin}" did not end its ${hook} within ${formatDuration(limitMs)}`;
  return new PluginError({ plugin, hook }, 'timeout', message, {
    retryable: hook === 'afterJobProcess' ? false : undefined,
  });
}

/**
 * What a plugin threw, in the words of the one table. After the job nothing is tried again: the work has been done, and
 * may have been paid for.
 */
export function pluginErrorOf(error: unknown, plugin: string, hook: Hook): PluginError {
  if (error instanceof PluginError) return error;
  const thrown = asConnectorError(error);
  const text = error instanceof Error ? error.message || error.name : String(error);
  const retryable = thrown?.retryable ?? (hook === 'afterJobProcess' ? false : undefined);
  const options = { cause: error, errors: thrown?.errors, retry_after_ms: thrown?.retry_after_ms, retryable };
  const refusal = thrown !== undefined && !(thrown.retryable ?? ERROR_CODES[thrown.code].retryable);
  if (thrown && refusal && hook !== 'initialize' && hook !== 'onHealthCheck') {
    return new PluginError({ plugin, hook, refusal: true }, thrown.code, `${text} (plugin "${plugin}")`, options);
  }
  return new PluginError(
    { plugin, hook },
    thrown?.code ?? 'internal',
    `The plugin "${plugin}" failed in ${hook}: ${text}`,
    options,
  );
}

/** By shape: a plugin from another folder may have a copy of the class of its own. */
function asConnectorError(error: unknown): ConnectorError | undefined {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  return error instanceof ConnectorError || (name === 'ConnectorError' && isErrorCode(code))
    ? (error as ConnectorError)
    : undefined;
}
