import { table } from './markdown.mjs';

/** Between these lines of docs/metrics.md stands what is made from code. */
const BEGIN = '<!-- Made by `node scripts/generate-docs.mjs` from here on; change the code it names. -->';

/**
 * docs/metrics.md: the page as it is written, with its table made anew.
 * @param {string} page
 * @param {{from: string, metrics: {name: string, help: string, type: string, labelNames: string[]}[]}[]} sources the
 *   metrics of each kind of process
 */
export function renderMetrics(page, sources) {
  const parts = sources.map(({ from, metrics }) => {
    const rows = metrics
      .filter(({ name }) => name.startsWith('switchyard_'))
      .map(({ name, help, type, labelNames }) => [
        `\`${name}\``,
        type,
        labelNames.map((label) => `\`${label}\``).join(', ') || '–',
        help,
      ]);
    return `### ${from}\n\n${table(['metric', 'type', 'labels', 'what'], rows)}`;
  });
  return `${page.slice(0, page.indexOf(BEGIN))}${BEGIN}\n\n${parts.join('\n\n')}\n`;
}
