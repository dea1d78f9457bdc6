import { ERROR_CODES } from '../../../contract/errors.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import { backoffMs, pause } from '../../http/backoff.ts';

const TRIES = 6;
const BACKOFF = { firstMs: 200, maxMs: 2_000, growth: 2, jitter: 0.3 };

/**
 * Stops the work of a backend, again and again until it has taken.
 * @param cancel tells it once; says whether the work is over
 * @throws ConnectorError when the backend cannot be told, or goes on all the same
 */
export async function cancelUntilTaken(cancel: () => Promise<boolean>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      if (await cancel()) return;
      if (tries >= TRIES)
        throw new ConnectorError('backend_error', 'The backend goes on with a job that was cancelled');
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      // It is gone, or is of a kind that cannot be cancelled and ends with its connection.
      if (error.code === 'not_found' || error.code === 'validation') return;
      if (tries >= TRIES || !(error.retryable ?? ERROR_CODES[error.code].retryable)) throw error;
    }
    await pause(backoffMs(BACKOFF, tries), undefined);
  }
}
