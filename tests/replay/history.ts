import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from '@temporalio/worker';
import { workflowBundlePath } from '../../workers/orchestrator/create-orchestrator.ts';
import { temporalBinary } from '../harness/temporal-server.ts';

/** As a person would export it. */
export async function exportHistory(address: string, workflowId: string): Promise<string> {
  const args = ['workflow', 'show', '--workflow-id', workflowId, '--output', 'json', '--address', address];
  const { stdout } = await promisify(execFile)(temporalBinary(), args, { maxBuffer: 1 << 26 });
  // Stack traces name the place of this checkout, which is nobody's business.
  return stdout.replaceAll(join(import.meta.dirname, '..', '..'), '/switchyard');
}

export function replay(history: unknown): Promise<void> {
  return Worker.runReplayHistory({ workflowBundle: { codePath: workflowBundlePath() } }, history);
}
