import { GENERATED, table } from './markdown.mjs';

/**
 * docs/errors.md.
 * @param {Record<string, {http: number, retryable: boolean, counted: boolean, title: string, help: string}>} codes
 *   `ERROR_CODES` of contract/errors.ts
 */
export function renderErrors(codes) {
  const rows = Object.entries(codes).map(([code, entry]) => [
    `\`${code}\``,
    String(entry.http),
    entry.retryable ? 'yes' : 'no',
    entry.retryable ? (entry.counted ? 'yes' : 'no') : '–',
    entry.title,
    entry.help,
  ]);
  return `${GENERATED}

# Errors

One table of codes, \`contract/errors.ts\`. The code alone decides whether a job is tried again and which HTTP status a
client sees; nothing is ever read out of a message.

- Over HTTP an error is a problem document (RFC 9457, \`application/problem+json\`): \`title\` and \`status\` as below,
  \`detail\` for this case, \`code\`, \`retryable\`, and \`errors[]\` with one entry per bad field: \`pointer\` (JSON pointer
  into the document), \`detail\` and, where there is one, \`hint\`.
- A job that did not complete has the same \`code\`, \`message\`, \`retryable\` and \`errors[]\` under \`error\`; in Temporal the
  failure's type is the code.
- **Retried**: another attempt of the same job can help, and is made while its attempts last.
  **Counts**: such a failed attempt uses up one of \`retry.max_attempts\`.

${table(['code', 'HTTP', 'retried', 'counts', 'meaning', 'what to do'], rows)}
`;
}
