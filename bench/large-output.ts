import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { projectRoot } from '../platform/project-root.ts';
import { startChild } from './child.ts';
import { submit } from './http.ts';
import { measurement, type Measurement } from './measurement.ts';
import type { Site } from './site.ts';

const MEGABYTE = 1_048_576;
const SIZE = 200;

/** A service that answers with a file of as many megabytes as asked for; described as a user would, by JSON alone. */
const SERVICE = {
  service: 'bench-file',
  kind: 'sync',
  title: 'Large file',
  description: 'Answers with a file',
  base_url: '${BENCH_FILE_URL:-http://127.0.0.1:9}',
  payload: { type: 'object', properties: { megabytes: { type: 'integer', minimum: 1 } }, required: ['megabytes'] },
  example: { megabytes: 1 },
  request: { method: 'GET', path: '/{{ payload.megabytes }}' },
  response: { as: 'binary', artifacts: [{ from: 'body', name: 'file.bin' }] },
};

/** How much more memory than before a worker takes while a large output passes through it into the artifact store. */
export async function largeOutput(site: Site): Promise<Measurement> {
  const piece = randomBytes(MEGABYTE);
  const files = createServer(async (request, response) => {
    const megabytes = Number(request.url?.slice(1)) || 1;
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': megabytes * MEGABYTE });
    for (let sent = 0; sent < megabytes; sent++) if (!response.write(piece)) await once(response, 'drain');
    response.end();
  });
  files.listen(0, '127.0.0.1');
  await once(files, 'listening');
  const config = join(site.dataDir, 'file-config');
  await cp(join(projectRoot(), 'config'), config, { recursive: true });
  await mkdir(join(config, 'rest'), { recursive: true });
  await writeFile(join(config, 'rest', 'bench-file.json'), JSON.stringify(SERVICE));
  const env = {
    ...site.env,
    SWITCHYARD_CONFIG_DIR: config,
    BENCH_FILE_URL: `http://127.0.0.1:${(files.address() as AddressInfo).port}`,
  };
  // An API that knows the service, and a worker that does nothing else.
  const api = await startChild(new URL('../workers/api-main.js', import.meta.url), [], env);
  const worker = await startChild(
    new URL('../workers/pool-main.js', import.meta.url),
    ['--pool', 'fast-lane', '--capabilities', 'bench-file'],
    env,
  );
  try {
    const fetchOne = (megabytes: number) =>
      submit(String(api.ready['url']), { service: 'bench-file', payload: { megabytes } }, 60);
    for (let warm = 0; warm < 5; warm++) await fetchOne(1);
    const before = worker.rss();
    worker.forgetPeak();
    await fetchOne(SIZE);
    return measurement({
      name: `memory that an output of ${SIZE} MiB takes in the worker`,
      ours: (worker.peakRss() - before) / MEGABYTE,
      peer: 64,
      against: 'bound of 64 MB',
      unit: 'MB',
      target: '≤ 1',
      method: `a REST service answers with a file; peak of VmRSS during the job, less what it was before; the first large transfer of the process, after five of 1 MiB`,
    });
  } finally {
    await worker.stop();
    await api.stop();
    files.closeAllConnections();
    files.close();
  }
}
