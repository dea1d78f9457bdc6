import { ANSWER_MS } from '../temporal/open-temporal.ts';
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
      'It takes jobs again as soon as that is mended; nothing that was accepted is lost.',
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

/** The parts that are not well, each in the API's own words. */
function readinessText(body: string): string {
  try {
    const { checks } = JSON.parse(body) as { checks: Record<string, { ok: boolean; detail?: string }> };
    const failing = Object.entries(checks).filter(([, { ok }]) => !ok);
    return failing.map(([name, { detail }]) => `${name}: ${detail ?? 'not well'}`).join('; ');
  } catch {
    return body.slice(0, 200);
  }
}
