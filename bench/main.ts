import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { latency, submitLatency, throughput } from './against-bare.ts';
import { comfyuiGap } from './comfyui-gap.ts';
import { fleet } from './fleet.ts';
import { heartbeatTraffic } from './heartbeat-traffic.ts';
import { historyEvents, idleMemory, progressDelay } from './footprint.ts';
import { closeHttp, NOOP_JOB, submit } from './http.ts';
import { runLoad } from './load.ts';
import { largeOutput } from './large-output.ts';
import { liveTokens } from './live.ts';
import type { Measurement } from './measurement.ts';
import { scaling } from './scaling.ts';
import { openSite, type Site } from './site.ts';
import { upscaleAgainstTileLoop } from './upscale.ts';

/**
 * `npm run bench [-- --only NAME]`: ours against its peer on the same server in the same run. Prints a Markdown table,
 * the method of each row and the machine.
 */
const parts: Record<string, (site: Site) => Promise<Measurement | Measurement[]>> = {
  throughput: (site) => throughput(site),
  latency: (site) => latency(site),
  submit: (site) => submitLatency(site),
  events: historyEvents,
  heartbeats: heartbeatTraffic,
  progress: (site) => progressDelay(site),
  memory: idleMemory,
  live: liveTokens,
  output: largeOutput,
  comfyui: (site) => comfyuiGap(site),
  scaling,
  fleet,
  upscale: () => upscaleAgainstTileLoop(),
};

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true }, json: { type: 'boolean' } } });
const wanted = values.only ?? Object.keys(parts);
const unknown = wanted.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`No such part: ${unknown.join(', ')}. There are: ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}

const site = await openSite();
const rows: Measurement[] = [];
try {
  // Code is compiled and caches are warm before anything counts.
  await runLoad(100, 20, () => submit(site.api, NOOP_JOB, 60));
  for (const name of wanted) {
    console.error(`measuring ${name} …`);
    rows.push(...[await parts[name]!(site)].flat());
  }
} finally {
  await closeHttp();
  await site.stop();
}
if (values.json) console.log(JSON.stringify(rows, null, 1));
else print(rows);

function print(table: Measurement[]): void {
  const [cpu] = cpus();
  console.log(
    `Machine: ${cpus().length} × ${cpu?.model ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}\n`,
  );
  console.log('| what | ours | peer | against | ratio | target |\n| --- | ---: | ---: | --- | ---: | --- |');
  for (const row of table) {
    console.log(
      `| ${row.name} | ${figure(row.ours)} ${row.unit} | ${figure(row.peer)} ${row.unit} | ${row.against} | ${row.ratio.toFixed(2)} | ${row.target ?? ''} |`,
    );
  }
  console.log('');
  for (const row of table) console.log(`- ${row.name}: ${row.method}`);
}

function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
