import { expect, test } from '@jest/globals';
import { RunPodConnector } from '../../../connectors/runpod/connector.ts';
import { realServer } from '../base/hosted/real-server.ts';

const { SWITCHYARD_TEST_RUNPOD_INPUT: given, RUNPOD_API_KEY: key, RUNPOD_ENDPOINT_ID: endpoint } = process.env;
const REASON =
  'set RUNPOD_API_KEY, RUNPOD_ENDPOINT_ID and SWITCHYARD_TEST_RUNPOD_INPUT to the JSON its handler takes; it costs a little';

realServer(Boolean(given && key && endpoint), REASON, RunPodConnector, (run) => {
  const input = JSON.parse(given ?? '{}') as Record<string, unknown>;

  test('a run, with its times', async () => {
    const { result, reports } = await run({ input });
    expect(result).toMatchObject({ endpoint, execution_ms: expect.any(Number) });
    expect(reports.at(-1)).toMatchObject({ progress: 100 });
  });

  test('an endpoint that is not there', async () => {
    await expect(run({ endpoint: 'no-such-endpoint', input })).rejects.toMatchObject({ code: 'not_found' });
  });
});
