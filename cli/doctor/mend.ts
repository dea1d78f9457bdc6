import { confirm } from '../confirm.ts';
import { count } from '../output/format.ts';
import { moveStranded } from '../temporal/stranded-jobs.ts';
import type { Terminal } from '../terminal.ts';
import type { Mend } from './examine.ts';
import { finding } from './finding.ts';

/** What `doctor --fix` does: jobs whose build nobody runs go on with the present one. Asks before. */
export function mending(terminal: Terminal, yes: boolean | undefined): Mend {
  return async (client, stranded) => {
    const name = 'Fix';
    const jobs = stranded.reduce((sum, { pinned_jobs: pinned }) => sum + pinned, 0);
    if (jobs === 0) return { finding: finding(name, 'ok', 'nothing that could be mended here'), mended: true };
    const builds = stranded.map(({ build }) => build).join(', ');
    const question = `Let ${count(jobs, 'job')} of build ${builds} go on with the present one?`;
    if (!(await confirm(terminal, question, yes))) return { finding: finding(name, 'skip', 'not done'), mended: false };
    const outcomes = await moveStranded(terminal, client, stranded);
    const moved = outcomes.reduce((sum, outcome) => sum + outcome.moved.length, 0);
    const failed = outcomes.flatMap((outcome) => outcome.failed);
    const text = `${count(moved, 'job')} moved${failed.length > 0 ? `, ${failed.length} not` : ''}`;
    return { finding: finding(name, failed.length > 0 ? 'fail' : 'ok', text), mended: failed.length === 0 };
  };
}
