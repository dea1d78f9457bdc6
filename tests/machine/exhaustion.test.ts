import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { ServerClock } from '../../activities/machine/server-clock.ts';
import type { GpuFacts, MachineFacts } from '../../contract/machine-facts.ts';
import { exhaustionOf } from '../../platform/machine/exhaustion.ts';
import { ResourceWatch } from '../../workers/machine/resource-watch.ts';
import { cardOf } from './pretended-machine.ts';

const GB = 1e9;

function factsOf(memory: number, disk: number, vram?: number): MachineFacts {
  const { facts } = cardOf('x', 'a');
  const gpu: GpuFacts = {
    ...{ index: 0, vendor: 'nvidia', name: 'x', device: '0', utilization_percent: 0, temperature_celsius: null },
    memory_total_bytes: 24 * GB,
    memory_used_bytes: 24 * GB - (vram ?? 24 * GB),
  };
  return {
    ...facts,
    gpus: vram === undefined ? [] : [gpu],
    memory: { total_bytes: 16 * GB, available_bytes: memory, limited: false },
    disk: { path: '/data', total_bytes: 100 * GB, free_bytes: disk },
  };
}

const never = () => false;
const always = () => true;

describe('what a machine has run out of', () => {
  test('nothing, while there is enough', () => {
    expect(exhaustionOf(factsOf(8 * GB, 50 * GB, 12 * GB), [], always)).toEqual([]);
  });

  test('memory and disk, and it comes back with twice as much only', () => {
    const found = exhaustionOf(factsOf(0.1 * GB, 0.1 * GB), [], always);
    expect(found.map(({ what }) => what)).toEqual(['memory', 'disk']);
    const little = factsOf(0.5 * GB, 1.5 * GB);
    expect(exhaustionOf(little, [], always)).toEqual([]);
    expect(exhaustionOf(little, found, always)).toHaveLength(2);
    expect(exhaustionOf(factsOf(1 * GB, 3 * GB), found, always)).toEqual([]);
  });

  test('the memory of a device, unless a job uses it', () => {
    const full = factsOf(8 * GB, 50 * GB, 0.01 * GB);
    expect(exhaustionOf(full, [], always)).toMatchObject([{ what: 'vram', gpu: 0 }]);
    expect(exhaustionOf(full, [], never)).toEqual([]);
  });
});

test('the watch stops jobs once, gives free, and lets them come back', async () => {
  const told: (string | undefined)[] = [];
  let released = 0;
  const watch = new ResourceWatch({
    logger: pino({ level: 'silent' }),
    idle: always,
    onChange: (lacks) => told.push(lacks),
    release: async () => void released++,
  });
  watch.look(factsOf(0.1 * GB, 50 * GB), 0);
  watch.look(factsOf(0.09 * GB, 50 * GB), 5_000);
  await new Promise(setImmediate);
  watch.look(factsOf(0.09 * GB, 50 * GB), 40_000);
  expect(released).toBe(2);
  watch.look(factsOf(8 * GB, 50 * GB), 45_000);
  expect(told).toEqual(['only 100 MB of memory are left', undefined]);
});

test("a machine's idea of Temporal's clock does not depend on its own", () => {
  const clock = new ServerClock();
  // A minute ahead, and the first task took a second to come.
  clock.observe(100_000, 161_000);
  clock.observe(200_000, 260_020);
  expect(clock.now(300_020)).toBe(240_000);
});
