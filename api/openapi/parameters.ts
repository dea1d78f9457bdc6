import type { Parameter } from './operation.ts';

export const IDEMPOTENCY_PARAMETERS: Parameter[] = [
  {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'Any text of your making. The same key with the same body gives the same job, however often it is sent; with ' +
      'another body it is refused. Kept as long as the job.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  },
  {
    name: 'Prefer',
    in: 'header',
    description: '`wait=N`: answer when the job has ended, after N (1–60) seconds at the latest',
    schema: { type: 'string' },
    example: 'wait=30',
  },
];

export const WAIT_PARAMETER: Parameter = {
  name: 'wait',
  in: 'query',
  description: 'Answer when the job has ended, after so many seconds at the latest',
  schema: { type: 'integer', minimum: 1, maximum: 60 },
};
