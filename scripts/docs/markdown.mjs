/** A note for people who open a generated page in an editor. */
export const GENERATED = '<!-- Made by `node scripts/generate-docs.mjs`; change the code it names, not this page. -->';

/** Text inside a table's cell: one line, no bar that would end the cell. @param {string} text */
function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/**
 * @param {string[]} head
 * @param {string[][]} rows
 */
export function table(head, rows) {
  const line = (cells) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
