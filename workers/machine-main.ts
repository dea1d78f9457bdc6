import { parseArgs } from 'node:util';
import { runMachineProcess } from './machine/run-machine.ts';
import { isEntryPoint } from './process/identity.ts';
import { runMain } from './process/lifecycle.ts';

if (isEntryPoint(import.meta.url)) {
  const { values } = parseArgs({
    options: { id: { type: 'string' }, workers: { type: 'string' }, 'mock-gpus': { type: 'string' } },
  });
  const { id, workers, 'mock-gpus': mockGpus } = values;
  await runMain(() =>
    runMachineProcess({
      ...(id === undefined ? {} : { id }),
      ...(workers === undefined ? {} : { workers: workers.split(',') }),
      ...(mockGpus === undefined ? {} : { mockGpus: Number(mockGpus) }),
    }),
  );
}
