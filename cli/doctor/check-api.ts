import { ANSWER_MS } from './check-temporal.ts';
import { finding, type Finding } from './finding.ts';
import { networkReason } from '../api-client/client.ts';

/**
 * Whether the API answers and is ready.
 * @param url with the prefix `/api`
 * @param expected somebody named this address, or a stack says that it runs: then silence is a failure
 */
export async function checkApi(url: string, expected: boolean): Promise<Finding> {
  const root = url.replace(/\/api$/, '');
  try {
    const response = await fetch(`${root}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS) });
    const text = await response.text();
    if (response.ok) return finding('API', 'ok', `${root} is ready`);
    return finding(
      'API',
      'fail',
      `${root} answers, but is not ready (HTTP ${response.status}): ${readinessText(text)}`,
      'It takes jobs again as soon as Temporal is back.',
    );
  } catch (error) {
    return finding(
      'API',
      expected ? 'fail' : 'warn',
      `nobody answers at ${root}: ${networkReason(error)}`,
      expected ? 'Look into its log: switchyard status' : 'Start it: npm start, or switchyard up',
    );
  }
}

function readinessText(body: string): string {
  try {
    const { detail, status } = JSON.parse(body) as { detail?: string; status?: string };
    return detail ?? status ?? body;
  } catch {
    return body.slice(0, 200);
  }
}
