import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { examples, type CommandContext } from '../context.ts';
import { collectList, wholeNumber } from '../option-values.ts';
import { note, say } from '../../terminal.ts';
import { addKeda } from './keda.ts';
import type { MachinePlan } from '../../../workers/machine/plan-machine-processes.ts';
import type { MachinePlanOptions } from './machine-plan.ts';

interface GenerateOptions {
  workers?: string[];
  mockGpus?: number;
  out?: string;
}

/** `switchyard generate pm2|compose`: the plan of a machine as a file for another process manager. */
export function addGenerate(parent: Command, context: CommandContext): void {
  const generate = parent
    .command('generate')
    .description('Write files for other process managers, from the service mapping and the devices of this machine');
  kind(generate, 'pm2', 'An ecosystem file for PM2', async (options) => {
    const [{ machinePlan }, { pm2File }, { projectRoot }] = await Promise.all([
      import('./machine-plan.ts'),
      import('./pm2-file.ts'),
      import('../../../platform/project-root.ts'),
    ]);
    const root = projectRoot();
    const plan = await machinePlan(options);
    return { plan, text: pm2File(plan, { workerModule: join(root, 'dist/workers/pool-main.js'), cwd: root }) };
  });
  kind(generate, 'compose', 'A compose file, beside docker-compose.yml, with a profile "machine"', async (options) => {
    const [{ machinePlan }, { composeFile, CONTAINER_SERVICES }] = await Promise.all([
      import('./machine-plan.ts'),
      import('./compose-file.ts'),
    ]);
    const plan = await machinePlan({ ...options, paths: { servicesDir: CONTAINER_SERVICES, roots: ['/opt'] } });
    return { plan, text: composeFile(plan) };
  });

  addKeda(generate, context);

  function kind(
    group: Command,
    name: string,
    description: string,
    make: (options: MachinePlanOptions) => Promise<{ plan: MachinePlan; text: string }>,
  ): void {
    group
      .command(name)
      .description(description)
      .option('--workers <list>', 'what runs on the machine, e.g. comfyui-local:auto,upscale:2 (WORKERS)', collectList)
      .option('--mock-gpus <n>', 'pretend so many GPUs instead of looking for real ones', wholeNumber(1, 64))
      .option('--out <file>', 'write there instead of to standard output')
      .addHelpText(
        'after',
        `${examples([`switchyard generate ${name} --workers comfyui-local:auto,upscale:2 --out FILE`, ''])}

The file holds no secrets. docs/machines.md tells what it does and does not do.`,
      )
      .action(async ({ workers, mockGpus, out }: GenerateOptions) => {
        const { terminal } = context;
        const { plan, text } = await make({ env: terminal.env, workers, mockGpus });
        for (const { service } of plan.services.installs)
          note(terminal, `${service} has to be installed first: switchyard machine start does that`);
        if (out === undefined) say(terminal, text.trimEnd());
        else {
          writeFileSync(resolve(terminal.cwd, out), text);
          note(
            terminal,
            `Written: ${out} (${plan.services.instances.length} services, ${plan.workers.length} workers)`,
          );
        }
      });
  }
}
