import { z } from 'zod';
import type { FieldError } from '../../../contract/errors.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import type { JobData } from '../../contract/connector.ts';
import type { ConnectorPlugin } from '../../contract/plugin.ts';
import { PatternBox } from './pattern-box.ts';
import { plain, textsOf, wordRule } from './texts.ts';

const LIMIT = 200;

const list = z.union([
  z.array(z.string().min(1, 'must not be empty')),
  // Out of a variable: ${FORBIDDEN_WORDS:-a, b}.
  z.string().transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter(Boolean),
  ),
]);

const pattern = z
  .string()
  .min(1)
  .superRefine((source, ctx) => {
    const problem = problemOf(source);
    if (problem) ctx.addIssue({ code: 'custom', message: `is no regular expression: ${problem}` });
  });

const options = z
  .strictObject({
    words: list.default([]).describe('Words and phrases, whole and in any case'),
    patterns: z
      .array(z.union([pattern, z.strictObject({ pattern, label: z.string().min(1) })]))
      .default([])
      .describe('JavaScript regular expressions, without regard to case; the label is what a refusal says'),
    fields: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('Names of the payload fields to look at, at any depth; default: every text'),
    ignore_fields: z.array(z.string()).default([]).describe('Names of fields to pass over'),
    code: z.enum(['content_policy', 'validation', 'permission']).default('content_policy'),
    message: z.string().min(1).default('The job is refused: it asks for something that is not allowed here'),
    hint: z.string().min(1).default('change this text'),
  })
  .refine(({ words, patterns }) => words.length + patterns.length > 0, 'must have words or patterns');

type Options = z.output<typeof options>;

/** Refuses jobs by what their payload says, before anything is sent or paid. Says which field it was, never what it held. */
export class PromptGuardPlugin implements ConnectorPlugin {
  static readonly options = options;
  readonly name = 'prompt-guard';
  readonly version = '1.0.0';
  readonly #options: Options;
  readonly #rules: { label: string; box: PatternBox }[];

  constructor(given: Options) {
    this.#options = given;
    const words =
      given.words.length > 0 ? [{ label: 'holds a word that is not allowed', source: wordRule(given.words) }] : [];
    const patterns = given.patterns.map((entry, index) =>
      typeof entry === 'string'
        ? { label: `is not allowed by rule ${index + 1}`, source: entry }
        : { label: `is not allowed: ${entry.label}`, source: entry.pattern },
    );
    this.#rules = [...words, ...patterns].map(({ label, source }) => ({ label, box: new PatternBox(source, LIMIT) }));
  }

  async initialize(): Promise<void> {}

  async beforeJobProcess(job: JobData): Promise<JobData> {
    const { fields, ignore_fields: ignored, code, message, hint } = this.#options;
    const errors: FieldError[] = [];
    for (const { pointer, names, text } of textsOf(job.payload, '/payload')) {
      if (names.some((name) => ignored.includes(name))) continue;
      if (fields && !names.some((name) => fields.includes(name))) continue;
      const said = plain(text);
      const broken = this.#rules.find(({ box }) => box.matches(said) || box.matches(text));
      if (broken) errors.push({ pointer, detail: broken.label, hint });
    }
    if (errors.length === 0) return job;
    const where = errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ');
    throw new ConnectorError(code, `${message}: ${where}`, { errors });
  }
}

function problemOf(source: string): string | undefined {
  try {
    RegExp(source, 'iu');
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
