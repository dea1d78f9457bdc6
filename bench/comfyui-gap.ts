import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../platform/project-root.ts';
import { startChild } from './child.ts';
import { startRenderServer } from './comfyui-server.ts';
import { submit } from './http.ts';
import { measurement, type Measurement } from './measurement.ts';
import type { Site } from './site.ts';
import { median, quantile } from './statistics.ts';

const JOBS = 20;
/** What the project allows itself on top of posting the prompts straight. Milliseconds. */
const ALLOWED = 50;
/** Of one prompt. Milliseconds. */
const RENDER = 300;

type Graph = Record<string, { class_type: string; inputs: Record<string, unknown> }>;

/**
 * How long one ComfyUI stands still between two jobs while others wait: from the end of a prompt to the start of the
 * next, by the server's own time stamps in its history.
 */
export async function comfyuiGap(site: Site): Promise<Measurement[]> {
  const picture = await readFile(join(projectRoot(), 'examples', 'harbour.png'));
  const server = await startRenderServer(RENDER, picture);
  const rows = [];
  try {
    rows.push(...(await compare(site, server.url, `for ${RENDER} ms in a server of fixed render time`, renderGraph)));
  } finally {
    await server.stop();
  }
  const real = process.env['COMFYUI_URL'];
  if (real) rows.push(...(await compare(site, real, 'a blurred picture of 1024 × 1024 on a real ComfyUI', realGraph)));
  return rows;
}

async function compare(site: Site, url: string, what: string, graph: (index: number) => Graph): Promise<Measurement[]> {
  const env = { ...site.env, COMFYUI_URL: url };
  const worker = await startChild(
    new URL('../workers/pool-main.js', import.meta.url),
    ['--pool', 'standard', '--capabilities', 'comfyui'],
    env,
  );
  try {
    const job = (index: number) => ({ service: 'comfyui', payload: { workflow: graph(index) } });
    // The worker has started its connector, and asked the server what it is.
    await submit(site.api, job(-1), 60);
    const straight = await gapsOf(url, () => postStraight(url, graph));
    const ours = await gapsOf(url, () =>
      Promise.all(Array.from({ length: JOBS }, (_, index) => submit(site.api, job(index + JOBS), 60))),
    );
    const method = `${JOBS} jobs handed in at once over HTTP, then ${JOBS} prompts posted straight to the server; each renders ${what}; gaps by the time stamps of the server's history`;
    const row = (name: string, pick: (gaps: number[]) => number) =>
      measurement({
        name: `ComfyUI stands still between jobs, ${name}`,
        ours: pick(ours),
        peer: pick(straight) + ALLOWED,
        against: `posted straight (${pick(straight).toFixed(0)} ms) + ${ALLOWED} ms`,
        unit: 'ms',
        target: '≤ 1',
        method,
      });
    return [row('p50', median), row('p95', (gaps) => quantile(gaps, 0.95))];
  } finally {
    await worker.stop();
  }
}

/** What the server has done meanwhile. */
async function gapsOf(url: string, work: () => Promise<unknown>): Promise<number[]> {
  const before = new Set(Object.keys(await history(url)));
  await work();
  const spans = Object.entries(await history(url))
    .filter(([id]) => !before.has(id))
    .map(([, entry]) => spanOf(entry))
    .toSorted((a, b) => a.start - b.start);
  if (spans.length !== JOBS) throw new Error(`${spans.length} prompts ran instead of ${JOBS}`);
  return spans.slice(1).map((span, index) => Math.max(0, span.start - spans[index]!.end));
}

async function postStraight(url: string, graph: (index: number) => Graph): Promise<void> {
  const ids = await Promise.all(
    Array.from({ length: JOBS }, async (_, index) => {
      const body = JSON.stringify({ prompt: graph(index) });
      const response = await fetch(`${url}/prompt`, { method: 'POST', body });
      return ((await response.json()) as { prompt_id: string }).prompt_id;
    }),
  );
  for (;;) {
    const known = await history(url);
    if (ids.every((id) => id in known)) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

interface Entry {
  status: { messages: [string, { timestamp: number }][] };
}

async function history(url: string): Promise<Record<string, Entry>> {
  return (await (await fetch(`${url}/history?max_items=500`)).json()) as Record<string, Entry>;
}

function spanOf({ status }: Entry): { start: number; end: number } {
  const at = (name: string) => status.messages.find(([event]) => event === name)?.[1].timestamp ?? Number.NaN;
  return { start: at('execution_start'), end: at('execution_success') };
}

function renderGraph(index: number): Graph {
  return { '1': { class_type: 'SaveImage', inputs: { filename_prefix: `gap-${index}` } } };
}

let colour = Math.floor(Math.random() * 0xffffff);

function realGraph(index: number): Graph {
  colour = (colour + 1) % 0xffffff;
  return {
    '1': { class_type: 'EmptyImage', inputs: { width: 1_024, height: 1_024, batch_size: 1, color: colour } },
    '2': { class_type: 'ImageBlur', inputs: { image: ['1', 0], blur_radius: 5, sigma: 2 } },
    '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: `gap/${index}` } },
  };
}
