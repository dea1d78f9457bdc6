import { startChild } from './child.ts';
import { jobEvents } from './event-stream.ts';
import { submit } from './http.ts';
import { measurement, type Measurement } from './measurement.ts';
import type { Site } from './site.ts';
import { median, quantile } from './statistics.ts';
import { clock, startTokenServer } from './token-server.ts';

const FIRST_TOKENS = 30;
const RATE = 1_000;
const SECONDS = 10;

/** How long after the backend has sent a token an SSE client has it, and whether a fast stream falls behind. */
export async function liveTokens(site: Site): Promise<Measurement[]> {
  const server = await startTokenServer();
  const worker = await startChild(
    new URL('../workers/pool-main.js', import.meta.url),
    ['--pool', 'fast-lane', '--capabilities', 'openai-text'],
    { ...site.env, OPENAI_BASE_URL: server.url, OPENAI_API_KEY: 'bench', OPENAI_CHECK_MODELS: 'false' },
  );
  try {
    await agesOf(site, 1, 1, 0);
    const first: number[] = [];
    for (let n = 0; n < FIRST_TOKENS; n++) first.push((await agesOf(site, 1, 1, 200))[0]!);
    const ages = await agesOf(site, RATE * SECONDS, RATE, 200);
    if (ages.length !== RATE * SECONDS) throw new Error(`${ages.length} of ${RATE * SECONDS} tokens came`);
    const early = median(ages.slice(0, RATE));
    const late = median(ages.slice(-RATE));
    const fast = `one job of ${RATE * SECONDS} tokens, ${RATE} a second, each sent by itself; every token carries its time of sending, all came`;
    return [
      measurement({
        name: 'first token p50, backend to SSE client',
        ours: median(first),
        peer: 50,
        against: 'bound of 50 ms',
        unit: 'ms',
        target: '≤ 1',
        method: `${FIRST_TOKENS} text jobs one after another; the server sends its one token 200 ms after the request; p95 ${quantile(first, 0.95).toFixed(1)} ms`,
      }),
      measurement({
        name: `token age at ${RATE} tokens/s, p95`,
        ours: quantile(ages, 0.95),
        peer: 100,
        against: 'bound of 100 ms',
        unit: 'ms',
        target: '≤ 1',
        method: fast,
      }),
      measurement({
        name: `token age at ${RATE} tokens/s, last second against first`,
        ours: late,
        peer: early + 50,
        against: `first second (${early.toFixed(0)} ms) + 50 ms`,
        unit: 'ms',
        target: '≤ 1',
        method: `${fast}; medians: a stream that falls behind grows older`,
      }),
    ];
  } finally {
    await worker.stop();
    await server.stop();
  }
}

/** How old each token of a job was when it came. Milliseconds. */
async function agesOf(site: Site, count: number, perSecond: number, silence: number): Promise<number[]> {
  const payload = { prompt: `${count} ${perSecond} ${silence}`, model: 'bench' };
  const { id } = await submit(site.api, { service: 'openai-text', payload });
  const ages: number[] = [];
  for await (const event of jobEvents(site.api, id)) {
    if (event.type === 'dropped') throw new Error(`${event.characters} characters were dropped`);
    if (event.type === 'end' && event.job.status !== 'completed')
      throw new Error(`the job is ${event.job.status}: ${event.job.error?.message}`);
    if (event.type !== 'token') continue;
    const now = clock();
    for (const sent of event.text.trim().split(' ')) ages.push(now - Number(sent));
  }
  return ages;
}
