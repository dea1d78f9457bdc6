import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { containerLimits } from '../../platform/machine/container-limits.ts';
import { detectGpus } from '../../platform/machine/detect-gpus.ts';
import { detectMachine } from '../../platform/machine/detect-machine.ts';
import { runTool } from '../../platform/machine/run-tool.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { AMD, APPLE, NVIDIA, recorded } from './recorded.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

type Answers = Parameters<typeof recorded>[0];
const look = (answers: Answers, platform: NodeJS.Platform = 'linux') =>
  detectGpus({ run: recorded(answers), platform, mockGpus: 0 });

describe('nvidia-smi', () => {
  test('two cards', async () => {
    const { gpus, problems } = await look({ nvidia: NVIDIA.twoCards });
    expect(problems).toEqual([]);
    expect(gpus).toHaveLength(2);
    expect(gpus[0]).toEqual({
      index: 0,
      vendor: 'nvidia',
      name: 'NVIDIA RTX A6000',
      device: '0',
      uuid: 'GPU-7fdaf0a5-179b-f636-d15d-daf243e3ff16',
      memory_total_bytes: 49_140 * MIB,
      memory_used_bytes: 1_071 * MIB,
      utilization_percent: 37,
      temperature_celsius: 61,
      driver_version: '550.90.07',
    });
  });

  test('what a card does not tell is null', async () => {
    expect((await look({ nvidia: NVIDIA.laptop })).gpus).toMatchObject([
      { utilization_percent: null, temperature_celsius: 44 },
    ]);
    expect((await look({ nvidia: NVIDIA.unifiedMemory })).gpus).toMatchObject([
      { name: 'NVIDIA GB10', memory_total_bytes: null, memory_used_bytes: null, utilization_percent: 0 },
    ]);
  });

  test('a device cut into slices is its slices, each with its own id and memory', async () => {
    const { gpus, problems } = await look({ nvidia: NVIDIA.mig, nvidiaList: NVIDIA.migList });
    expect(problems).toEqual([]);
    expect(
      gpus.map(({ index, device, mig_profile, memory_total_bytes }) => [
        index,
        device,
        mig_profile,
        memory_total_bytes,
      ]),
    ).toEqual([
      [0, 'MIG-ce861fb0-a248-58ce-a9a8-f9adbc22a66a', '3g.40gb', 40 * GIB],
      [1, 'MIG-a45882f0-9215-5733-a0c1-49286ab31cb5', '1g.10gb', 10 * GIB],
      [2, '1', undefined, 81_920 * MIB],
    ]);
  });

  test('a device in MIG mode without slices is no device, and it is said how to get some', async () => {
    const { gpus, problems } = await look({ nvidia: NVIDIA.mig, nvidiaList: NVIDIA.migWithoutSlices });
    expect(gpus.map(({ device }) => device)).toEqual(['1']);
    expect(problems).toEqual([expect.stringContaining('nvidia-smi -i 0 -mig 0')]);
  });

  test('a card that was lost is left out and told of; the other stays', async () => {
    const { gpus, problems } = await look({ nvidia: NVIDIA.oneLost });
    expect(gpus.map(({ device }) => device)).toEqual(['0']);
    expect(problems[0]).toMatch(/^GPU 1 does not answer: reboot/);
  });

  test.each([
    ['mismatch', /version mismatch NVML library version: 570\.133\. .*reboot/],
    ['noDriver', /couldn't communicate.*modprobe nvidia/],
    ['noDevices', /finds no device/],
    ['noHandle', /fell off the bus/],
    ['container', /--gpus all/],
  ] as const)('%s: no device, and what to do', async (name, problem) => {
    const { gpus, problems } = await look({ nvidia: NVIDIA[name] });
    expect(gpus).toEqual([]);
    expect(problems).toEqual([expect.stringMatching(problem)]);
  });

  test('an old driver that does not know every field is asked for less', async () => {
    const { gpus, problems } = await look({ nvidia: NVIDIA.oldDriver, nvidiaOld: NVIDIA.oldCards });
    expect(problems).toEqual([]);
    expect(gpus).toMatchObject([{ name: 'GeForce GTX 1660 Ti', driver_version: '430.64', temperature_celsius: 52 }]);
  });

  test('a tool that hangs, and one that talks nonsense', async () => {
    expect((await look({ nvidia: { outcome: 'hung', stdout: '', stderr: '' } })).problems[0]).toContain(
      'did not answer within 10 s',
    );
    expect((await look({ nvidia: { outcome: 'ok', stdout: 'hello\n', stderr: '' } })).problems[0]).toContain(
      'not understood: hello',
    );
  });
});

describe('rocm-smi', () => {
  test('a card', async () => {
    expect(await look({ amd: AMD.radeon })).toEqual({
      problems: [],
      gpus: [
        {
          index: 0,
          vendor: 'amd',
          name: 'Radeon RX 7900 XT',
          device: '0',
          uuid: '0x7ab3e1cc0c5a1b22',
          memory_total_bytes: 21_458_059_264,
          memory_used_bytes: 27_856_896,
          utilization_percent: 12,
          temperature_celsius: 47,
          driver_version: '6.7.0',
        },
      ],
    });
  });

  test('several behind a warning, in the order of their numbers, keys in the other case', async () => {
    const { gpus, problems } = await look({ amd: AMD.instinct });
    expect(problems).toEqual([]);
    expect(gpus.map(({ device, uuid, utilization_percent }) => [device, uuid, utilization_percent])).toEqual([
      ['0', '0xa0', 0],
      ['1', '0xa1', 100],
    ]);
    expect(gpus[0]?.name).toContain('MI200');
  });

  test('one that does not tell its memory, no driver, no card, cards of both vendors', async () => {
    expect((await look({ amd: AMD.laptop })).gpus).toMatchObject([
      { name: 'Phoenix3', memory_total_bytes: null, temperature_celsius: 31 },
    ]);
    expect((await look({ amd: AMD.noDriver })).problems).toEqual([expect.stringContaining('modprobe amdgpu')]);
    expect(await look({ amd: AMD.none })).toEqual({ gpus: [], problems: [] });
    const both = await look({ nvidia: NVIDIA.twoCards, amd: AMD.radeon });
    expect(both.gpus.map(({ index, vendor, device }) => [index, vendor, device])).toEqual([
      [0, 'nvidia', '0'],
      [1, 'nvidia', '1'],
      [2, 'amd', '0'],
    ]);
  });
});

describe('Apple', () => {
  test('chips, and a machine without one', async () => {
    expect((await look({ apple: APPLE.m3 }, 'darwin')).gpus).toMatchObject([{ vendor: 'apple', name: 'Apple M3 Pro' }]);
    expect((await look({ apple: APPLE.m1 }, 'darwin')).gpus).toMatchObject([{ name: 'Apple M1' }]);
    expect(await look({ apple: APPLE.intel }, 'darwin')).toEqual({ gpus: [], problems: [] });
  });
});

describe('a machine', () => {
  test('without any tool has no GPU and no problem', async () => {
    expect(await look({})).toEqual({ gpus: [], problems: [] });
  });

  test('is this one', async () => {
    const folder = temporaryFolder();
    const facts = await detectMachine({ dataDir: join(folder, 'not', 'yet'), run: recorded({}) });
    expect(facts).toMatchObject({
      type: 'api',
      platform: process.platform,
      gpus: [],
      disk: { path: join(folder, 'not', 'yet') },
    });
    expect(facts.cpu.usable).toBeGreaterThan(0);
    expect(facts.memory.available_bytes).toBeLessThanOrEqual(facts.memory.total_bytes);
    expect(facts.disk.free_bytes).toBeLessThanOrEqual(facts.disk.total_bytes);
  });

  test('with pretended GPUs does not ask for real ones', async () => {
    const facts = await detectMachine({ dataDir: '/', mockGpus: 2, run: recorded({ nvidia: NVIDIA.mismatch }) });
    expect(facts).toMatchObject({ type: 'gpu', gpu_problems: [] });
    expect(facts.gpus.map(({ vendor, device }) => [vendor, device])).toEqual([
      ['mock', '0'],
      ['mock', '1'],
    ]);
  });
});

describe('a tool', () => {
  test('is run with little of our environment, and told apart by how it ended', async () => {
    const folder = temporaryFolder();
    const tool = join(folder, 'tool');
    writeFileSync(tool, '#!/bin/sh\nenv; exit "$1"\n');
    chmodSync(tool, 0o755);
    const well = await runTool(tool, ['0']);
    expect(well.outcome).toBe('ok');
    expect(well.stdout).not.toContain('HOME=');
    expect(await runTool(tool, ['9'])).toMatchObject({ outcome: 'failed', code: 9 });
    expect(await runTool(join(folder, 'none'), [])).toMatchObject({ outcome: 'missing' });
  });
});

describe('limits of a container', () => {
  function files(contents: Record<string, string>): string {
    const root = temporaryFolder();
    for (const [path, text] of Object.entries(contents)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return root;
  }

  test('version 2: the smallest on the way up counts, without the cache that can be dropped', () => {
    const root = files({
      'proc/self/cgroup': '0::/pod/box\n',
      'sys/fs/cgroup/pod/box/cpu.max': '400000 100000\n',
      'sys/fs/cgroup/pod/cpu.max': '150000 100000\n',
      'sys/fs/cgroup/pod/box/memory.max': 'max\n',
      'sys/fs/cgroup/pod/memory.max': '4294967296\n',
      'sys/fs/cgroup/pod/memory.current': '2000000000\n',
      'sys/fs/cgroup/pod/memory.stat': 'anon 1\ninactive_file 500000000\n',
    });
    expect(containerLimits(root)).toEqual({ cores: 1.5, memoryBytes: 4_294_967_296, memoryUsedBytes: 1_500_000_000 });
  });

  test('version 1, and the word it has for no limit', () => {
    const limited = files({
      'proc/self/cgroup': '4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '1073741824\n',
      'sys/fs/cgroup/memory/memory.usage_in_bytes': '600000000\n',
      'sys/fs/cgroup/memory/memory.stat': 'total_inactive_file 100000000\n',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '50000\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    });
    expect(containerLimits(limited)).toEqual({ cores: 0.5, memoryBytes: 1_073_741_824, memoryUsedBytes: 500_000_000 });
    const free = files({
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
    });
    expect(containerLimits(free)).toEqual({});
    expect(containerLimits(temporaryFolder())).toEqual({});
  });
});
