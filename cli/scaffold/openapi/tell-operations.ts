import { count } from '../../output/format.ts';
import { formatTable } from '../../output/table.ts';
import { note, say, sayJson, type Terminal } from '../../terminal.ts';
import type { ListedOperation } from './service-file.ts';

/** What can be chosen, and what cannot and why. */
export function tellOperations(
  terminal: Terminal,
  all: readonly ListedOperation[],
  name: string,
  source: string,
  json: boolean,
): void {
  if (json) return sayJson(terminal, { operations: all });
  const { style, errorStyle, stdout } = terminal;
  const fit = all.filter(({ problem }) => problem === undefined);
  const columns = [
    { title: 'OPERATION', value: ({ id }: ListedOperation) => id, paint: style.bold },
    { title: 'REQUEST', value: ({ method, path }: ListedOperation) => `${method} ${path}`, shrinksTo: 20 },
    { title: 'KIND', value: ({ kind = '' }: ListedOperation) => kind },
    { title: 'WHAT', value: ({ summary }: ListedOperation) => summary, shrinksTo: 15, droppable: 1 },
  ];
  if (fit.length > 0) for (const line of formatTable(fit, columns, style, stdout.columns)) say(terminal, line);
  for (const { id, problem } of all.filter((each) => each.problem !== undefined)) {
    note(terminal, errorStyle.dim(`left out: ${id}: ${problem}`));
  }
  if (fit.length === 0) return note(terminal, errorStyle.bad(`None of ${count(all.length, 'operation')} can be used.`));
  const [{ id }] = fit as [ListedOperation];
  note(
    terminal,
    errorStyle.dim(`Choose one: switchyard create connector ${name} --from-openapi ${source} --operation "${id}"`),
  );
}
