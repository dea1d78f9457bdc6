import type { Command } from 'commander';
import { jobApi } from '../api-client/jobs.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { resolveJobId } from '../last-job.ts';
import { artifactUrl, placeArtifacts } from '../local-artifacts.ts';
import { artifactLines } from '../output/artifact-lines.ts';
import { downloadAll } from '../output/finish-job.ts';
import type { Session } from '../session.ts';
import { note, say, sayJson } from '../terminal.ts';
import { apiAction, examples, type CommandContext } from './context.ts';
import { collect } from './option-values.ts';

export function addArtifacts(parent: Command, context: CommandContext): void {
  parent
    .command('artifacts')
    .description('List the outputs of a job, or fetch them')
    .argument('<id>', 'id of the job, or "last"')
    .option('-o, --out <dir>', 'fetch them into this folder, checked by their SHA-256')
    .option('--name <name>', 'only this one; repeatable', collect)
    .addHelpText('after', examples(['switchyard artifacts last', ''], ['switchyard artifacts ID --out results', '']))
    .action(apiAction(context, artifacts));
}

async function artifacts(session: Session, given: string, options: { out?: string; name?: string[] }): Promise<void> {
  const { terminal, api } = session;
  const id = await resolveJobId(session, given);
  const all = (await jobApi(api).artifacts(id)).artifacts;
  const refs = options.name === undefined ? all : all.filter(({ name }) => options.name?.includes(name));
  const missing = options.name?.find((name) => !all.some((ref) => ref.name === name));
  if (missing !== undefined) {
    const names = all.map(({ name }) => name).join(', ');
    throw new CliError(EXIT.notFound, `Job ${id} has no artifact "${missing}"`, {
      hint: names ? `It has: ${names}` : 'It has none.',
    });
  }
  const placed =
    options.out === undefined
      ? await placeArtifacts(api, id, refs)
      : (await downloadAll(session, id, refs, options.out)).map(({ path, ...ref }) => ({ ref, place: path }));
  if (session.json) {
    return sayJson(terminal, {
      artifacts: placed.map(({ ref, place }) =>
        place.startsWith('http') ? { ...ref, url: place } : { ...ref, url: artifactUrl(api, id, ref), path: place },
      ),
    });
  }
  if (placed.length === 0)
    note(terminal, `Job ${id} has no artifacts${all.length === 0 ? ' (any more, or yet)' : ''}.`);
  for (const line of artifactLines(placed, terminal.style, '')) say(terminal, line);
}
