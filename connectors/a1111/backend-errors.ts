import type { FieldError } from '../../contract/errors.ts';
import { isOutOfMemory } from '../base/python-memory.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { HttpError } from '../http/http-error.ts';
import { asRecord, records, textOf } from './documents.ts';
import type { A1111Payload } from './payload.schema.ts';

/** Of proxies that have given up waiting; the work may go on behind them. */
const GAVE_UP = new Set([502, 504, 520, 521, 522, 523, 524, 525, 526, 527, 598, 599]);

/**
 * Exceptions that the same job raises again. `TypeError` and `AttributeError` are not among them: the web UI raises
 * them when a model is just being changed, too.
 */
const LASTING =
  /^(?:ValueError|AssertionError|IndexError|KeyError|NotImplementedError|ImportError|ModuleNotFoundError|ZeroDivisionError|UnidentifiedImageError|NansException|DecompressionBombError|FileNotFoundError)$/;

/**
 * Whether nobody knows what has become of the work: the connection broke, or a proxy gave up on it. A refusal of the
 * server itself is no loss.
 */
export function isLost(error: unknown): error is HttpError {
  if (!(error instanceof HttpError) || error.code === 'output_too_large') return false;
  if (error.delivery === 'in_doubt') return true;
  if (error.delivery !== 'answered') return false;
  const { status = 0 } = error;
  // Of an answer that had begun: cut off, or silent in its middle.
  if (status < 300) return error.code === 'service_unavailable' || error.code === 'timeout';
  return GAVE_UP.has(status) && textOf(asRecord(error.body)['error']) === undefined;
}

/** What the server refused or failed with, in our table's words, its own text kept. */
export function explained(error: unknown, payload: A1111Payload): unknown {
  if (!(error instanceof HttpError) || error.status === undefined || error.status < 400) return error;
  const body = asRecord(error.body);
  const type = textOf(body['error']) ?? '';
  const said = textOf(body['errors']) ?? textOf(body['detail']) ?? '';
  if (error.status === 422) return refusedFields(error, body['detail'], payload);
  if (error.status === 404) return notThere(error, said, payload);
  if (error.status !== 500 || (!type && !said)) return error;
  const text = `Automatic1111 failed: ${[type === 'HTTPException' ? '' : type, said].filter(Boolean).join(': ')}`;
  if (isOutOfMemory(type, said)) return new ConnectorError('out_of_memory', text, { cause: error });
  if (/^Invalid encoded image/i.test(said)) {
    const pointer = pictureField(payload);
    return new ConnectorError('validation', text, {
      cause: error,
      errors: [{ pointer, detail: 'cannot be read there' }],
    });
  }
  const model = /(?:Could not find checkpoint|model) .*?(?:with name |not found)/i.test(said);
  if (model) return new ConnectorError('missing_model', text, { cause: error });
  return new ConnectorError('backend_error', text, {
    cause: error,
    retry_after_ms: error.retry_after_ms,
    ...(LASTING.test(type) ? { retryable: false } : {}),
  });
}

/** FastAPI's list of fields, or the one sentence about a script. */
function refusedFields(error: HttpError, detail: unknown, payload: A1111Payload): ConnectorError {
  const errors: FieldError[] = records(detail).map((entry) => {
    const path = Array.isArray(entry['loc']) ? entry['loc'].filter((part) => part !== 'body').map(String) : [];
    const [first = ''] = path;
    const extra = Object.hasOwn(payload.extra_body ?? {}, first);
    const pointer = ['', 'payload', ...(extra ? ['extra_body'] : []), ...path].join('/');
    return { pointer, detail: textOf(entry['msg']) ?? 'is not valid' };
  });
  const said = textOf(detail);
  if (errors.length === 0 && said) {
    const [, script = ''] = /script '?(.+?)'? not found/i.exec(said) ?? [];
    const chosen = script.toLowerCase() === payload.script_name?.toLowerCase();
    errors.push({ pointer: chosen ? '/payload/script_name' : '/payload/alwayson_scripts', detail: said });
  }
  const text = errors.map(({ pointer, detail: what }) => `${pointer} ${what}`).join('; ');
  return new ConnectorError('validation', `Automatic1111 refuses the job: ${text || error.message}`, {
    cause: error,
    errors,
  });
}

function notThere(error: HttpError, said: string, payload: A1111Payload): ConnectorError {
  const refuse = (code: 'validation' | 'missing_model', pointer: string) =>
    new ConnectorError(code, `Automatic1111 refuses the job: ${said}`, {
      cause: error,
      errors: [{ pointer, detail: said }],
    });
  if (/^Sampler not found/i.test(said)) return refuse('validation', '/payload/sampler_name');
  if (/^Model not found/i.test(said)) return refuse('missing_model', '/payload/model');
  if (/image not found/i.test(said)) return refuse('validation', pictureField(payload));
  return new ConnectorError(
    'backend_error',
    `${error.message}. The server has no such route: start the web UI with --api, and give its address without /sdapi`,
    { cause: error, retryable: false },
  );
}

function pictureField(payload: A1111Payload): string {
  if (payload.image) return '/payload/image';
  return payload.images ? '/payload/images' : '/payload/init_images';
}
