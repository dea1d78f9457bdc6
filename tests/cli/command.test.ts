import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stackPaths } from '../../cli/stack/stack-paths.ts';
import { freePort } from '../../platform/processes/free-port.ts';
import { ownIdentity } from '../../platform/processes/process-identity.ts';
import { httpDouble } from './http-double.ts';
import { runCommand, startCommand, type Ran } from './run-command.ts';

let folder = '';
let env: NodeJS.ProcessEnv = {};

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'switchyard-cli-')));
  // Nobody listens there, and no stack of this machine is found by accident.
  env = { SWITCHYARD_DATA_DIR: join(folder, 'data'), SWITCHYARD_PORT: String(await freePort()) };
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function run(line: string, options: { env?: NodeJS.ProcessEnv; stdin?: string } = {}): Promise<Ran> {
  return runCommand(line.split(' ').filter(Boolean), {
    cwd: folder,
    stdin: options.stdin,
    env: { ...env, ...options.env },
  });
}

describe('help', () => {
  test('the command alone lists the commands', async () => {
    const { code, stdout, stderr } = await run('');
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const word of ['Jobs:', 'submit', 'watch', 'Looking around:', 'doctor', 'Running Switchyard:', 'Examples:']) {
      expect(stdout).toContain(word);
    }
  });

  const commands = ['submit', 'jobs', 'get', 'watch', 'cancel', 'retry', 'artifacts', 'attempts', 'logs', 'services'];
  const others = ['pools', 'workers', 'status', 'config show', 'doctor', 'worker', 'api', 'completion', 'jobs watch'];
  test.each([...commands, ...others])('%s --help says how it is called', async (command) => {
    const { code, stdout } = await run(`${command} --help`);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: switchyard ${command}`);
    expect(stdout).toContain('--json');
    expect((await run(`help ${command}`)).stdout).toBe(stdout);
  });

  test('exit codes have a page', async () => {
    const { code, stdout } = await run('help exit-codes');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ +3 {2}the job failed$/m);
  });

  test('the version', async () => {
    expect((await run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('what was typed wrongly', () => {
  test.each([
    ['job', 'Did you mean jobs?'],
    ['submt simulation', 'Did you mean submit?'],
    ['submit simulation --watc', 'Did you mean --watch?'],
    ['submit simulation --priority 9', 'must be a whole number from 1 to 5'],
    ['submit simulation --wait soon', 'must be a number of seconds'],
    ['submit simulation --wait 5 --watch', 'cannot be used with'],
    ['submit', 'Which service?'],
    ['submit simulation --out x', '--out needs --watch or --wait'],
    ['submit upscale -i image=@nowhere.png', 'nowhere.png: there is no such file'],
    ['submit upscale --payload {oops', '--payload is not JSON'],
    ['submit simulation --set a[1]=2', 'would leave a gap'],
    ['jobs 01abc', 'Did you mean "switchyard jobs get 01abc"?'],
    ['jobs --status done', 'One of: queued'],
    ['get', "missing required argument 'id'"],
    ['update x', 'Nothing to change'],
    ['worker', 'name a pool (fast-lane, standard, heavy)'],
    ['help nonsense', 'There is no help about "nonsense"'],
    ['jobs --url ::', 'is not an address'],
    ['jobs --url ftp://x', 'must begin with http'],
  ])('%s', async (line, answer) => {
    const { code, stdout, stderr } = await run(line);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(answer);
  });

  test('a configuration that is not valid is told with every mistake', async () => {
    const { code, stderr } = await run('jobs', { env: { SWITCHYARD_PORT: 'x', SWITCHYARD_LOG_LEVEL: 'loud' } });
    expect(code).toBe(2);
    expect(stderr).toContain('SWITCHYARD_PORT');
    expect(stderr).toContain('SWITCHYARD_LOG_LEVEL');
  });
});

describe('an API that is not there', () => {
  test.each(['jobs', 'get x', 'watch x', 'submit simulation', 'services', 'pools', 'workers', 'cancel last'])(
    '%s says where it looked and how to start it',
    async (line) => {
      const { code, stdout, stderr } = await run(line);
      expect({ code, stdout }).toEqual({ code: 7, stdout: '' });
      expect(stderr).toContain(`http://127.0.0.1:${env['SWITCHYARD_PORT']}/api: connection refused`);
      expect(stderr).toContain(`No stack runs in ${env['SWITCHYARD_DATA_DIR']}`);
      expect(stderr).toContain('npm start');
    },
  );

  test('of a stack that runs is said to be starting again', async () => {
    const dataDir = join(folder, 'running');
    const { pid, started } = ownIdentity();
    await mkdir(join(dataDir, 'run'), { recursive: true });
    const state = { pid, process_started: started, api_url: `http://127.0.0.1:${await freePort()}`, data_dir: dataDir };
    await writeFile(stackPaths(dataDir).state, JSON.stringify(state));
    const { code, stderr } = await run('jobs', { env: { SWITCHYARD_DATA_DIR: dataDir } });
    expect(code).toBe(7);
    expect(stderr).toContain(`the stack running in ${dataDir} (process ${pid}) says so`);
    expect(stderr).toContain('starting again');
    expect(stderr).not.toContain('npm start');
  });

  test('--json tells it as one line on standard error', async () => {
    const { code, stdout, stderr } = await run('jobs --json');
    expect({ code, stdout }).toEqual({ code: 7, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ error: { exit_code: 7, message: expect.any(String) } });
  });

  test.each([
    ['submit simulation --bogus --json', "unknown option '--bogus'"],
    ['--json jobs --limit many', "option '-n, --limit <n>' argument 'many' is invalid"],
    ['get --json', "missing required argument 'id'"],
    ['submitt --json', 'Did you mean submit?'],
    ['machine --json', 'A command is missing'],
  ])('--json tells that "%s" is not understood in the same way', async (line, message) => {
    const { code, stdout, stderr } = await run(line);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    const { error } = JSON.parse(stderr) as { error: { exit_code: number; message: string; hint: string } };
    expect(error).toMatchObject({ exit_code: 2, message: expect.stringContaining(message) });
    expect(error.hint).toContain('switchyard help');
  });

  test('something else that answers is not taken for it', async () => {
    const server = await httpDouble((_request, response) => response.writeHead(200).end('hello'));
    const { code, stderr } = await run(`jobs --url http://127.0.0.1:${server.port}`);
    await server.close();
    expect(code).toBe(7);
    expect(stderr).toContain('not like Switchyard');
    expect(stderr).toContain('because --url says so');
    expect(server.requests[0]?.url).toMatch(/^\/api\/jobs\?/);
  });

  test('status says that none runs', async () => {
    const { code, stdout, stderr } = await run('status --json');
    expect(code).toBe(7);
    expect(JSON.parse(stdout)).toEqual({ running: false, data_dir: env['SWITCHYARD_DATA_DIR'] });
    expect(stderr).toContain('npm start');
  });
});

describe('config show', () => {
  test('tells values and where they come from, and hides secrets', async () => {
    const { code, stdout } = await run('config show --origin', {
      env: { TEMPORAL_API_KEY: 'top-secret', SWITCHYARD_SHUTDOWN_GRACE: '90s' },
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^temporalApiKey +\(hidden\) +environment +TEMPORAL_API_KEY$/m);
    expect(stdout).toMatch(/^shutdownGrace +90s +environment +SWITCHYARD_SHUTDOWN_GRACE$/m);
    expect(stdout).toMatch(/^logLevel +info +default +SWITCHYARD_LOG_LEVEL$/m);
    expect(stdout).not.toContain('top-secret');
  });

  test('--json is for programs; --data-dir counts', async () => {
    const { stdout } = await run('config show --json --data-dir here', { env: { TEMPORAL_API_KEY: 'top-secret' } });
    expect(JSON.parse(stdout)).toMatchObject({
      settings: { dataDir: join(folder, 'here'), temporalApiKey: '(hidden)', shutdownGrace: 10_000 },
      origins: { dataDir: 'environment', shutdownGrace: 'default' },
    });
    expect(stdout).not.toContain('top-secret');
  });
});

describe('completion', () => {
  const offered = async (...words: string[]) => {
    const { stdout } = await runCommand(['complete', '--', ...words], { cwd: folder, env });
    return stdout
      .split('\n')
      .filter((line) => line && !line.startsWith(':'))
      .map((line) => line.split('\t')[0]);
  };

  test('commands, options and fixed values, without an API', async () => {
    expect(await offered('wa')).toEqual(['watch']);
    expect(await offered('jobs', '')).toEqual(expect.arrayContaining(['list', 'get', 'watch', 'cancel']));
    expect(await offered('submit', '--pri')).toEqual(['--priority']);
    expect(await offered('jobs', '--js')).toEqual(['--json']);
    expect(await offered('jobs', '--status', 'can')).toEqual(['cancelled']);
    expect(await offered('submit', '--machine-type', '')).toEqual(['gpu', 'cpu', 'api']);
    expect(await offered('completion', 'f')).toEqual(['fish']);
    expect(await offered('cancel', 'la')).toEqual(['last']);
  });

  test('files are left to the shell', async () => {
    expect((await runCommand(['complete', '--', 'submit', 'upscale', '-i', ''], { cwd: folder, env })).stdout).toBe(
      ':0\n',
    );
  });

  test.each(['bash', 'zsh', 'fish', 'powershell'])('a script for %s', async (shell) => {
    const { code, stdout } = await run(`completion ${shell}`);
    expect(code).toBe(0);
    expect(stdout).toContain('switchyard');
    expect(stdout).toContain('cli/bin/switchyard.mjs');
  });

  test.each([
    ['switchyard jobs wat', 2, 'watch'],
    ['switchyard submit upscale -i image =@ pict', 6, '@pictures/'],
    ['switchyard submit upscale -i image =@ pictures/', 6, '@pictures/a.png'],
  ])('the bash script completes %s', async (words, at, completed) => {
    const { stdout } = await run('completion bash');
    const script = join(folder, 'completion.bash');
    await writeFile(script, stdout);
    await mkdir(join(folder, 'pictures'), { recursive: true });
    await writeFile(join(folder, 'pictures', 'a.png'), '');
    // Sourced twice, as happens to who opens a shell in a shell.
    const ask = `source ${script}; source ${script}; COMP_WORDS=(${words}); COMP_CWORD=${at}; _switchyard_complete; echo "got:\${COMPREPLY[*]}"`;
    const bash = spawnSync('bash', ['-c', ask], { encoding: 'utf8', cwd: folder, env: { ...process.env, ...env } });
    expect({ stderr: bash.stderr, stdout: bash.stdout }).toEqual({ stderr: '', stdout: `got:${completed}\n` });
  });
});

describe('doctor, while nothing runs', () => {
  test('checks what can be checked and says how to go on', async () => {
    const { code, stdout } = await run('doctor --json');
    const { healthy, findings } = JSON.parse(stdout) as {
      healthy: boolean;
      findings: { name: string; level: string; fix?: string }[];
    };
    const level = (name: string) => findings.find((found) => found.name === name)?.level;
    expect({ code, healthy }).toEqual({ code: 0, healthy: true });
    expect(level('Node.js')).toBe('ok');
    expect(level('Configuration')).toBe('ok');
    expect(level('Services')).toBe('ok');
    expect(level('Data directory')).toBe('ok');
    expect(level('Temporal program')).toBe('ok');
    expect(level('API')).toBe('warn');
    expect(findings.filter(({ level: l, fix }) => l !== 'ok' && !fix)).toEqual([]);
  });

  test('fails for a configuration that is not valid, naming every mistake', async () => {
    const { code, stdout } = await run('doctor', { env: { SWITCHYARD_PORT: 'x', SWITCHYARD_LOG_LEVEL: 'loud' } });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAIL {2}Configuration +SWITCHYARD_PORT: must be a number$/m);
    expect(stdout).toMatch(/^FAIL {2}Configuration +SWITCHYARD_LOG_LEVEL/m);
  });

  test('fails for a service mapping that is wrong', async () => {
    const config = join(folder, 'config');
    await mkdir(config, { recursive: true });
    await copyFile(join(import.meta.dirname, '../../config/pools.json'), join(config, 'pools.json'));
    await writeFile(join(config, 'service-mapping.json'), '{"connectors": {}, "workers": {"x": {"service": 7}}}');
    const { code, stdout } = await run('doctor', { env: { SWITCHYARD_CONFIG_DIR: config } });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAIL {2}Services +.*workers\.x/m);
  });

  test('fails for a data directory that cannot be made', async () => {
    await writeFile(join(folder, 'file'), '');
    const { code, stdout } = await run('doctor', { env: { SWITCHYARD_DATA_DIR: join(folder, 'file', 'data') } });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAIL {2}Data directory +.*file is a file, not a folder$/m);
  });

  test('names who has a port, and takes it for no failure', async () => {
    const other = await httpDouble((_request, response) => response.end());
    const { stdout } = await run('doctor', { env: { SWITCHYARD_PORT: String(other.port) } });
    await other.close();
    expect(stdout).toMatch(new RegExp(`^warn {2}Port ${other.port} +API: taken`, 'm'));
    expect(stdout).toContain('SWITCHYARD_PORT');
  });

  test('fails for a Temporal that does not answer', async () => {
    const { code, stdout } = await run('doctor', { env: { TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}` } });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAIL {2}Temporal +127\.0\.0\.1:\d+ does not answer: connection refused/m);
  });

  test('fails for a Temporal program that was named and is not there, and says which', async () => {
    const { code, stdout } = await run('doctor', { env: { SWITCHYARD_TEMPORAL_BINARY: '/nowhere/temporal' } });
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^FAIL {2}Temporal program +the configured program \/nowhere\/temporal: there is no such file$/m,
    );
  });
});

test('a reader that has enough is no error', async () => {
  const { child, ended, stderr } = startCommand(['help'], { cwd: folder, env });
  child.stdout.destroy();
  await ended;
  expect(stderr()).toBe('');
});

test('an output that cannot be written is told as what it is', async () => {
  if (process.platform !== 'linux') return;
  const full = openSync('/dev/full', 'w');
  const main = join(import.meta.dirname, '../../dist/cli/main.js');
  const { status, stderr } = spawnSync(process.execPath, [main, 'help'], {
    ...{ cwd: folder, env: { ...process.env, ...env }, encoding: 'utf8' },
    stdio: ['ignore', full, 'pipe'],
  });
  closeSync(full);
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringMatching(/^error: the output cannot be written: ENOSPC.*\n$/),
  });
});

test('colours are asked for and forbidden by the environment', async () => {
  const forced = await run('jobs', { env: { FORCE_COLOR: '1' } });
  expect(forced.stderr).toContain('\u001b[31m');
  expect((await run('jobs')).stderr).not.toContain('\u001b');
});
