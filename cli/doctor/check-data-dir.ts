import { statfs } from 'node:fs/promises';
import { lookAtDataDir } from '../../platform/config/data-dir.ts';
import { formatBytes } from '../output/format.ts';
import { finding, type Finding } from './finding.ts';

/** Free space below which jobs will soon fail, and below which somebody should look. Bytes. */
const FAIL_BELOW = 200_000_000;
const WARN_BELOW = 2_000_000_000;

/** Whether the data directory can be written to, and how much room its disk has. A missing one is made at the start. */
export async function checkDataDir(dataDir: string): Promise<Finding[]> {
  const { existing, problem } = lookAtDataDir(dataDir);
  if (problem) return [finding('Data directory', 'fail', problem.problem, problem.hint)];
  const { bavail, bsize } = await statfs(existing);
  return [
    finding('Data directory', 'ok', existing === dataDir ? dataDir : `${dataDir} (made at the first start)`),
    diskFinding(bavail * bsize),
  ];
}

/** @param free bytes */
export function diskFinding(free: number): Finding {
  const fix =
    'Make room on the disk of the data directory, or keep artifacts for a shorter time (SWITCHYARD_ARTIFACT_RETENTION).';
  if (free < FAIL_BELOW) return finding('Disk', 'fail', `only ${formatBytes(free)} free`, fix);
  if (free < WARN_BELOW) return finding('Disk', 'warn', `${formatBytes(free)} free`, fix);
  return finding('Disk', 'ok', `${formatBytes(free)} free`);
}
