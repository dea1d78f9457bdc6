import type { Config } from '../../platform/config/settings.ts';
import { findTemporalBinary } from '../../platform/temporal/binary/find-binary.ts';
import { NoTemporalBinaryError } from '../../platform/temporal/binary/no-binary-error.ts';
import { finding, type Finding } from './finding.ts';

const WAYS = {
  configured: 'configured',
  path: 'on the PATH',
  cache: 'in our cache',
  download: 'downloaded',
  build: 'built',
} as const;

/** The `temporal` program that an embedded server would run on. Looks only; downloads and builds nothing. */
export async function checkBinary(config: Config, env: NodeJS.ProcessEnv): Promise<Finding> {
  const name = 'Temporal program';
  try {
    const { path, source, version } = await findTemporalBinary({
      env,
      configured: config.temporalBinary,
      onlyPresent: true,
    });
    return finding(name, 'ok', `${WAYS[source]}: ${path} (${version})`);
  } catch (error) {
    if (config.temporalBinary !== undefined) {
      return finding(
        name,
        'fail',
        error instanceof NoTemporalBinaryError ? error.tried.join('; ') : (error as Error).message,
        'Mend or unset SWITCHYARD_TEMPORAL_BINARY.',
      );
    }
    return finding(
      name,
      'warn',
      'not here yet',
      'npm start downloads or builds it once (up to 10 minutes); or put a `temporal` of 1.5 or newer on the PATH, or set TEMPORAL_ADDRESS.',
    );
  }
}
