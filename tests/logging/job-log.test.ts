import { openSync, closeSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ConnectorLogger } from '../../connectors/index.ts';
import { createLogger } from '../../platform/logging/create-logger.ts';
import { readJobLog } from '../../platform/logging/job-log.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

test('records of a job are found again in the files of a folder, among those of others', async () => {
  const folder = temporaryFolder();
  const file = openSync(join(folder, 'worker-heavy.log'), 'a');
  const logger = createLogger({
    level: 'info',
    name: 'worker',
    destination: { write: (line) => void writeSync(file, line) },
  });
  const log = new ConnectorLogger({ serviceType: 'comfyui', connectorId: 'c-1', logger });
  for (const id of ['job-1', 'job-2']) {
    log.jobReceived({ jobId: id, inputSize: 3 });
    log.withJobContext(id).jobCompleted({ duration: 5, prompt_id: `p-${id}` });
  }
  closeSync(file);
  const { lines, files } = await readJobLog(folder, 'job-1', 100);
  expect(files).toBe(1);
  expect(lines).toMatchObject([
    { message: 'job received', event: 'job_received', input_size: 3 },
    { message: 'job completed', event: 'job_completed', duration_ms: 5, prompt_id: 'p-job-1', connector_id: 'c-1' },
  ]);
});
