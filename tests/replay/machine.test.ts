import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { CommandHandlers } from '../../activities/machine/machine-command.ts';
import { readMachine } from '../../platform/machines/read-machine.ts';
import { sendCommand } from '../../platform/machines/send-command.ts';
import { InProcessStack, quietRuntime } from '../harness/in-process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { pretendMachine } from '../machine/pretended-machine.ts';
import { exportHistory, replay } from './history.ts';

/** As `replay.test.ts`, for machines: their workflows live for months, and meet every version of themselves. */
const folder = join(import.meta.dirname, 'machine-histories');

type Machine = Awaited<ReturnType<typeof pretendMachine>>;

interface Scene {
  stack: InProcessStack;
  id: string;
  /** Starts a life of the machine and waits until it is alive. */
  live(boot: string, falling?: boolean): Promise<Machine>;
  until(presence: string): Promise<unknown>;
}

const scenarios: Record<string, (scene: Scene) => Promise<void>> = {
  'came-and-left': async ({ live, until }) => {
    await (await live('a')).leave();
    await until('left');
  },
  'was-restarted': async ({ live, until }) => {
    const first = await live('a');
    await live('b');
    await waitUntil(() => first.replaced.length > 0);
    await until('alive');
  },
  'fell-silent-and-came-back': async ({ live, until }) => {
    await live('a', true);
    await until('away');
    await live('b');
  },
  'was-commanded': async ({ stack, id, live, until }) => {
    const machine = await live('a');
    const give = (wish: object) =>
      sendCommand(stack.client, id, { args: {}, ...wish } as Parameters<typeof sendCommand>[2], 10_000);
    await give({ id: 'one', kind: 'drain' });
    await give({ id: 'one', kind: 'drain' });
    await give({ id: 'two', kind: 'resume' });
    await give({ id: 'three', kind: 'nodes.install', detached: true });
    await machine.leave();
    await until('left');
    await give({ id: 'four', kind: 'drain' }).catch(() => {});
  },
};

const handlers: CommandHandlers = {
  drain: async () => 'done',
  resume: async () => {
    throw Object.assign(new Error('no'), { code: 'conflict' });
  },
  'nodes.install': async () => ({}),
};

beforeAll(async () => {
  if (process.env['UPDATE_HISTORIES']) await record();
  quietRuntime();
}, 300_000);

async function record(): Promise<void> {
  const stack = await InProcessStack.start({ pools: [] });
  const machines: Machine[] = [];
  try {
    await mkdir(folder, { recursive: true });
    for (const [id, run] of Object.entries(scenarios)) {
      const look = async () => readMachine(stack.client, id, 5_000);
      await run({
        stack,
        id,
        async live(boot, falling = false) {
          const { address } = stack.temporal;
          const machine = await pretendMachine({
            address,
            id,
            boot: { boot_id: boot, hostname: 'here', version: '0' },
            handlers,
            falling,
          });
          machines.push(machine);
          await machine.announcer.announce();
          await waitUntil(async () => (await look())?.card?.boot_id === boot);
          return machine;
        },
        until: (presence) => waitUntil(async () => (await look())?.presence === presence),
      });
      await writeFile(join(folder, `${id}.json`), await exportHistory(stack.temporal.address, `machine/${id}`));
    }
  } finally {
    await Promise.all(machines.map((machine) => machine.stop()));
    await stack.stop();
  }
}

describe('recorded histories of machines', () => {
  test('there is one for each life', async () => {
    const names = (await readdir(folder)).map((file) => file.replace('.json', ''));
    expect(names.sort()).toEqual(Object.keys(scenarios).sort());
  });

  test.each(Object.keys(scenarios))('%s replays', async (name) => {
    await replay(JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')));
  });
});
