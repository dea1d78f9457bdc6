import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { manifests } from '../../../connectors/simulation/manifest.ts';
import { simulationPayload } from '../../../connectors/simulation/payload.schema.ts';

test('an empty payload is a short, plain job', () => {
  expect(simulationPayload.parse({})).toMatchObject({
    steps: 10,
    progress_curve: 'linear',
    artifacts: [],
    hang: false,
  });
});

test.each([
  [250, 250],
  ['500ms', 500],
  ['2s', 2_000],
  ['1m', 60_000],
])('duration %j is %d ms, also when parsed again', (duration, expected) => {
  const parsed = simulationPayload.parse({ duration });
  expect(parsed.duration).toBe(expected);
  expect(simulationPayload.parse(parsed)).toEqual(parsed);
});

describe('what is refused says what would be taken', () => {
  test.each([
    [{ duration: 'soon' }, 'duration', /"2s"/],
    [{ duration: -1 }, 'duration', /0–86400000/],
    [{ duration: '30d' }, 'duration', /24 hours/],
    [{ spread: 2 }, 'spread', /0–1/],
    [{ steps: 0 }, 'steps', /1–1000/],
    [{ failure_rate: '0.5' }, 'failure_rate', /number/],
    [{ failure_code: 'not_found' }, 'failure_code', /backend_error, /],
    [{ hang: 'soft' }, 'hang', /"hard"/],
    [{ artifacts: [{ name: 'a', kind: 'jpeg' }] }, 'artifacts.0.kind', /random, text or png/],
    [{ artifacts: [{ name: 'a', kind: 'png', bytes: 1e9 }] }, 'artifacts.0.bytes', /50 MiB/],
    [{ seed: 1.5 }, 'seed', /whole number/],
  ])('%j', (payload, path, message) => {
    const issue = simulationPayload.safeParse(payload).error?.issues[0];
    expect(issue?.path.join('.')).toBe(path);
    expect(issue?.message).toMatch(message);
  });

  test('an unknown field', () => {
    expect(simulationPayload.safeParse({ durations: 1 }).error?.issues[0]?.code).toBe('unrecognized_keys');
  });
});

test('the example of the manifest is valid, and the schema can be published', () => {
  const [manifest] = manifests;
  expect(manifest?.payload.safeParse(manifest.example).success).toBe(true);
  expect(z.toJSONSchema(simulationPayload, { io: 'input' })).toMatchObject({
    type: 'object',
    additionalProperties: false,
  });
});
