import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import { checkWorkers } from '../../cli/doctor/check-workers.ts';
import { stackWorkers } from '../../cli/stack/stack-workers.ts';
import { loadSite } from '../../platform/config/load-site.ts';
import { loadProcess } from '../../workers/process/load-process.ts';
import { ROOT } from '../house/repository.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

let home: string;
beforeEach(() => {
  home = temporaryFolder();
  cpSync(join(ROOT, 'config'), join(home, 'config'), { recursive: true });
});
const write = (name: string, text: string) => writeFileSync(join(home, name), text);
const environment = (more: NodeJS.ProcessEnv) => ({ SWITCHYARD_HOME: home, SWITCHYARD_LOG_LEVEL: 'silent', ...more });

async function members(more: NodeJS.ProcessEnv = {}) {
  const env = environment(more);
  return stackWorkers(loadSite(env), env, () => {});
}

test('a process per pool; with WORKERS, here from .env, one per instance', async () => {
  expect((await members()).map(({ name, args }) => [name, ...args])).toEqual([
    ['fast-lane', '--pool', 'fast-lane'],
    ['standard', '--pool', 'standard'],
    ['heavy', '--pool', 'heavy'],
  ]);
  write('.env', 'WORKERS=simulation:2,openai-api\n');
  write('.env.openai.local', 'OPENAI_API_KEY=sk-of-nobody\n');
  const planned = await members();
  expect(planned.map(({ name, args, env }) => [name, ...args, env['WORKER_ID']])).toEqual([
    ['simulation-1', '--instance-of', 'simulation', 'simulation-1'],
    ['simulation-2', '--instance-of', 'simulation', 'simulation-2'],
    ['openai-api', '--instance-of', 'openai-api', 'openai-api'],
  ]);
  expect(JSON.stringify(planned)).not.toContain('sk-of-nobody');
});

test('what is missing is named before anything starts', async () => {
  await expect(members({ WORKERS: 'openai-api,comfyui-remote' })).rejects.toThrow(
    /OPENAI_API_KEY: is not set; openai-api .*\n.*\.env\.openai\.local.*\n.*COMFYUI_URL: is not set; comfyui-remote/,
  );
  await expect(members({ WORKERS: 'openai-ap' })).rejects.toThrow(/did you mean openai-api\?/);
});

test('the doctor tells of files, of what is off, and of what WORKERS lacks', async () => {
  write('.env', 'WORKERS=simulation,anthropic-api\nCONNECTORS=simulation,anthropic\n');
  write('.env.anthropic', 'ANTHROPIC_BASE_URL=http://secret-host:1\n');
  write('.env.openay', '');
  const { findings, setUp } = await checkWorkers(await loadProcess('test', environment({})));
  const lines = findings.map(({ level, name, text, fix }) => `${level} ${name}: ${text} ${fix ?? ''}`);
  expect(lines).toEqual([
    expect.stringMatching(/^ok \.env files: \.env, \.env\.anthropic in /),
    expect.stringMatching(/^warn \.env files: \.env\.openay belongs to no connector family.*did you mean openai\?/),
    expect.stringMatching(/^ok CONNECTORS: simulation, anthropic; off here: .*openai-text/),
    expect.stringMatching(/^ok WORKERS: simulation \(fast-lane, standard, heavy\), anthropic-api \(fast-lane\)/),
    expect.stringMatching(/^fail WORKERS: ANTHROPIC_API_KEY is not set.*\.env\.anthropic\.local/),
  ]);
  expect(lines.join('\n')).not.toContain('secret-host');
  expect([...(setUp.chosen ?? [])]).toEqual(['simulation', 'anthropic']);
});
