import type { OpenAI } from 'openai';
import type { JobContext } from '../contract/job-context.ts';
import type { OpenAiApi } from './openai-api.ts';
import type { PaidCall } from '../base/hosted/paid-call.ts';
import type { TextWish } from './request-body.ts';
import type { Writing } from '../base/hosted/writing.ts';

/** One text to get, with all that it takes. */
export interface TextJob {
  api: OpenAiApi;
  context: JobContext | undefined;
  signal: AbortSignal | undefined;
  wish: TextWish;
  paid: PaidCall<OpenAI>;
  writing: Writing;
  stream: boolean;
  background: boolean;
}
