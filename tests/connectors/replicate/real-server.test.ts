import { expect, test } from '@jest/globals';
import { ReplicateConnector } from '../../../connectors/replicate/connector.ts';
import { realServer } from '../base/hosted/real-server.ts';

const { SWITCHYARD_TEST_REPLICATE_MODEL: model, REPLICATE_API_TOKEN: token } = process.env;
const REASON =
  'set REPLICATE_API_TOKEN and SWITCHYARD_TEST_REPLICATE_MODEL to a small model that takes a prompt; it costs a little';
const input = { prompt: 'Say only the word: harbour' };

realServer(Boolean(model && token), REASON, ReplicateConnector, (run) => {
  test('a prediction, with a text or files', async () => {
    const { job, result, reports } = await run({ model, input });
    expect(Boolean(result['text'] ?? result['output'])).toBe(true);
    expect(result['prediction_id']).toBe(job.service_info!.service_job_id);
    expect(reports.at(-1)).toMatchObject({ progress: 100 });
  });

  test('a model that is not there', async () => {
    const nowhere = run({ model: 'switchyard-test/no-such-model-at-all', input });
    await expect(nowhere).rejects.toMatchObject({ code: 'missing_model' });
  });
});
