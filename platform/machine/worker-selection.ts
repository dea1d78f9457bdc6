import { ConfigError, type ConfigProblem } from '../config/config-error.ts';
import { meant } from '../config/nearest.ts';

/** One entry of WORKERS. */
export interface SelectedWorker {
  /** Key under `workers` of the service mapping. */
  workerId: string;
  /** Instances; `auto`: as many as the machine has room for. */
  count: number | 'auto';
}

const ENTRY = /^([^:]+?)\s*(?::\s*(.*))?$/;
const MOST = 1_000;

/**
 * Reads `comfyui-remote:2,openai-api:auto`. A name alone is one instance.
 * @param entries WORKERS, split at its commas
 * @param known names of the service mapping
 * @throws ConfigError naming every bad entry
 */
export function parseSelection(entries: readonly string[], known: Iterable<string>): SelectedWorker[] {
  const problems: ConfigProblem[] = [];
  const names = [...known];
  const selected = entries.map((entry): SelectedWorker => {
    const [, workerId = entry, text = '1'] = ENTRY.exec(entry.trim()) ?? [];
    const complain = (problem: string, hint: string) => problems.push({ name: `WORKERS, "${entry}"`, problem, hint });
    if (!names.includes(workerId)) {
      complain(`there is no worker "${workerId}" in the service mapping`, meant(workerId, names));
    }
    const count = text === 'auto' ? 'auto' : Number(text);
    if (count !== 'auto' && !(/^\d+$/.test(text) && count >= 1 && count <= MOST)) {
      complain(`"${text}" is no number of instances`, `write ${workerId}:2 (1–${MOST}) or ${workerId}:auto`);
    }
    return { workerId, count };
  });
  const twice = selected.filter(({ workerId }, at) => selected.findIndex((one) => one.workerId === workerId) !== at);
  for (const { workerId } of twice) {
    problems.push({ name: 'WORKERS', problem: `names ${workerId} twice`, hint: 'name it once, with the sum' });
  }
  if (problems.length > 0) throw new ConfigError('WORKERS is not valid', problems);
  return selected;
}
