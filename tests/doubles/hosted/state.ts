import { Faults } from './faults.ts';
import { Ledger } from './ledger.ts';
import { Pace } from './pace.ts';
import { Stages } from './stages.ts';
import type { Json } from './wire.ts';

export interface SeenRequest {
  method: string;
  /** With query. */
  path: string;
  headers: Readonly<Record<string, string>>;
  /** Parsed JSON or form fields; undefined without a body. */
  body: Json | undefined;
  /** Which API key it came with. */
  key: string;
}

/** Files of a multipart request, by field. */
export interface UploadedPart {
  field: string;
  filename: string;
  mime: string;
  bytes: Buffer;
}

/** What a test sets and sees of a double. */
export class DoubleState {
  readonly faults = new Faults();
  readonly pace = new Pace();
  readonly stages = new Stages();
  readonly ledger = new Ledger();
  /** Keys that are let in; empty: any key, or none. */
  readonly keys = new Set(['sk-double']);
  /** Keys whose account is used up. */
  readonly exhausted = new Set<string>();
  models = ['gpt-double', 'gpt-double-mini', 'o9-double', 'gpt-image-double', 'dall-e-3'];
  /** Models that work and are in no list. */
  readonly hiddenModels = new Set<string>();
  /** Text it answers with, token by token; undefined: an echo of what it was asked. */
  answer: string[] | undefined;
  /** Tool calls it answers with. */
  toolCalls: { name: string; arguments: string }[] = [];
  refusal: string | undefined;
  /** Anthropic: why it stops, instead of the usual reason. */
  stopReason: string | undefined;
  /** Anthropic: the arguments of tools break off. */
  cutArguments = false;
  /** Anthropic: so much of the input comes from the cache. */
  cachedTokens = 0;
  /** Longest input. Tokens. */
  contextTokens = 8_192;
  /** Sent with every answer to a paid request. */
  rateHeaders: Record<string, string> = {};
  /** A plain response goes on though its client has hung up, as if the last bytes were lost on the way. */
  survivesHangUp = false;
  /** Pictures come as addresses under /files. */
  imagesAsUrls = false;
  /** Answers are that large, and written no faster than they are read. Bytes; 0: as they come. */
  hugeBytes = 0;
  /** So many streams of work under way are cut in the middle. */
  drops = 0;
  /** Answers that hold results are no JSON. */
  malformed = false;
  /** Whether it is a small server that lacks: `/responses`, usage in streams, `/models`. */
  readonly lacks = new Set<'responses' | 'stream_usage' | 'models'>();

  readonly requests: SeenRequest[] = [];
  readonly uploads: UploadedPart[] = [];
  /** Requests that were taken up, and so cost money. */
  readonly paid = { chat: 0, responses: 0, generations: 0, edits: 0, messages: 0, predictions: 0, runs: 0 };
  /** Work that ended because the client hung up. */
  stopped = 0;
  /** Ids of responses that were cancelled. */
  readonly cancelled: string[] = [];

  has(model: string): boolean {
    return this.models.includes(model) || this.hiddenModels.has(model);
  }

  get paidRequests(): number {
    return Object.values(this.paid).reduce((sum, count) => sum + count, 0);
  }

  /** Waits until that token may be written. @returns false when `gone` was aborted meanwhile */
  async step(token: number, marker: string, gone: AbortSignal): Promise<boolean> {
    if (!(await this.pace.before(token, gone))) return false;
    return token === 1 ? this.stages.pass('running', marker, gone) : this.stages.heard(gone);
  }

  seen(method: string, path: string): SeenRequest[] {
    return this.requests.filter((request) => request.method === method && request.path.startsWith(path));
  }
}

/** The tokens it will say. */
export function tokensFor(
  state: DoubleState,
  prompt: string,
  max: number | undefined,
): { tokens: string[]; cut: boolean } {
  const all = state.answer ?? `You said: ${prompt}`.split(/(?<=\s)/);
  const limit = max ?? Number.POSITIVE_INFINITY;
  return { tokens: all.slice(0, limit), cut: all.length > limit };
}

/** As if a word were a token and a picture 85. */
export function countInput(texts: string[], images: number): number {
  return texts.join(' ').split(/\s+/).filter(Boolean).length + images * 85;
}
