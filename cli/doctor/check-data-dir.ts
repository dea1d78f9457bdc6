import { access, constants, mkdtemp, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { formatBytes } from '../output/format.ts';
import { finding, type Finding } from './finding.ts';

/** Free space below which jobs will soon fail, and below which somebody should look. Bytes. */
const FAIL_BELOW = 200_000_000;
const WARN_BELOW = 2_000_000_000;

/** Whether the data directory can be written to, and how much room its disk has. A missing one is made at the start. */
export async function checkDataDir(dataDir: string): Promise<Finding[]> {
  const existing = await nearestExisting(dataDir);
  const isNew = existing !== dataDir;
  try {
    const probe = await mkdtemp(join(existing, '.switchyard-doctor-'));
    await rm(probe, { recursive: true });
  } catch (error) {
    return [
      finding(
        'Data directory',
        'fail',
        `${dataDir} cannot be ${isNew ? 'made' : 'written to'}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`,
        'Give yourself the right to write there, or set SWITCHYARD_DATA_DIR to another folder.',
      ),
    ];
  }
  const { bavail, bsize } = await statfs(existing);
  return [
    finding('Data directory', 'ok', isNew ? `${dataDir} (made at the first start)` : dataDir),
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

async function nearestExisting(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const exists = await access(folder, constants.F_OK).then(
      () => true,
      () => false,
    );
    if (exists || dirname(folder) === folder) return folder;
  }
}
