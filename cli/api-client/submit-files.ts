import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { JobInput } from '../../contract/job.schema.ts';
import type { JobView } from '../../contract/job-view.ts';
import { CliError } from '../cli-error.ts';
import type { UploadFile } from '../input/inputs.ts';
import type { ApiClient } from './client.ts';
import { ApiError, readProblem, readRetryAfter } from './errors.ts';
import { submitHeaders, waitLimit, type SubmitOptions } from './jobs.ts';
import { multipartBody } from './multipart.ts';

/** The answer may take this long after the last byte. Milliseconds. */
const ANSWER_MS = 60_000;

/**
 * Submits a job together with its files. Streamed from disk over node:http: fetch can neither announce the length of a
 * stream nor read a refusal that comes before all is sent.
 * @param onBytes called with the number of file bytes that went out since the last call
 * @throws ApiError | UnreachableError | CliError
 */
export async function submitFiles(
  api: ApiClient,
  document: JobInput,
  files: readonly UploadFile[],
  options: SubmitOptions & { onBytes?(bytes: number): void } = {},
): Promise<JobView> {
  const body = multipartBody(document, files, options.onBytes);
  const url = api.url('/jobs');
  const outgoing = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method: 'POST',
    headers: {
      accept: 'application/json',
      'content-type': body.contentType,
      'content-length': body.length,
      ...submitHeaders(options),
    },
  });
  try {
    const message = await exchange(outgoing, body.parts(), waitLimit(options.waitSeconds) ?? ANSWER_MS);
    return await readAnswer(api, message);
  } catch (error) {
    throw error instanceof CliError ? error : api.unreachable(error);
  } finally {
    outgoing.destroy();
  }
}

/** Sends until all is sent or the answer is there: a refusal may come early. */
async function exchange(
  outgoing: ClientRequest,
  parts: AsyncIterable<string | Buffer>,
  answerMs: number,
): Promise<IncomingMessage> {
  let over = false;
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.on('error', reject);
  });
  answer
    .catch(() => {}) // told by the await below; here it must not count as unhandled
    .finally(() => {
      over = true;
    });
  for await (const part of parts) {
    if (over) break;
    if (!outgoing.write(part)) await roomToWrite(outgoing);
  }
  if (!over) outgoing.end();
  const timer = setTimeout(() => outgoing.destroy(new Error(`no answer within ${answerMs / 1_000} s`)), answerMs);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
  }
}

/** Room to write again, or a reason to stop writing: the answer is there, the connection broke. */
function roomToWrite(outgoing: ClientRequest): Promise<void> {
  const events = ['drain', 'response', 'error', 'close'];
  return new Promise((resolve) => {
    const done = () => {
      for (const event of events) outgoing.off(event, done);
      resolve();
    };
    for (const event of events) outgoing.once(event, done);
  });
}

async function readAnswer(api: ApiClient, message: IncomingMessage): Promise<JobView> {
  message.setEncoding('utf8');
  let text = '';
  for await (const chunk of message as AsyncIterable<string>) text += chunk;
  const status = message.statusCode ?? 0;
  if (status >= 200 && status < 300) return JSON.parse(text) as JobView;
  const problem = readProblem(status, message.headers['content-type'] ?? null, text);
  if (!problem) throw api.stranger(status, message.headers['content-type']);
  throw new ApiError(problem, readRetryAfter(message.headers['retry-after'], Date.now()));
}
