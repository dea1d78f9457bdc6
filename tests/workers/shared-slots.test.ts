import { describe, expect, test } from '@jest/globals';
import type { ActivitySlotInfo, CustomSlotSupplier, SlotPermit } from '@temporalio/worker';
import { SharedSlots } from '../../workers/pool/shared-slots.ts';
import { waitUntil } from '../harness/wait-until.ts';

const INFO = { type: 'activity', activityType: 'processJob' } as const;
const RESERVE = {
  slotType: 'activity',
  taskQueue: '',
  workerIdentity: '',
  workerBuildId: '',
  isSticky: false,
} as const;

/** One poller of a queue, as the SDK would be it. */
class Poller {
  readonly queue: string;
  readonly #slots: SharedSlots;
  readonly #supplier: CustomSlotSupplier<ActivitySlotInfo>;
  #permit: SlotPermit | undefined;
  readonly abort = new AbortController();

  constructor(slots: SharedSlots, queue: string) {
    this.queue = queue;
    this.#slots = slots;
    this.#supplier = slots.supplierFor(queue);
  }

  ask(): this {
    this.#supplier.reserveSlot(RESERVE, this.abort.signal).then(
      (permit) => {
        this.#permit = permit;
      },
      () => undefined,
    );
    return this;
  }

  get polls(): boolean {
    return this.#permit !== undefined;
  }

  /** A job comes. @returns ends it; undefined when it was refused */
  job(): (() => void) | undefined {
    const permit = this.#permit!;
    this.#permit = undefined;
    this.#supplier.markSlotUsed({ slotInfo: INFO, permit });
    const over = this.#slots.admit(this.queue);
    if (!over) this.#supplier.releaseSlot({ slotInfo: INFO, permit });
    return (
      over &&
      (() => {
        over();
        this.#supplier.releaseSlot({ slotInfo: INFO, permit });
      })
    );
  }
}

/** One slot, and two queues that both poll for a job to take it. */
async function twoPollers() {
  const slots = new SharedSlots(1);
  const [a, b] = [new Poller(slots, 'a').ask(), new Poller(slots, 'b').ask()];
  await waitUntil(() => a.polls && b.polls);
  return { a, b };
}

describe('slots that several queues share', () => {
  test('are polled for on all queues while one is free, and on none when all are taken', async () => {
    const { a } = await twoPollers();
    const end = a.job();
    expect(end).toBeDefined();
    a.ask();
    await new Promise(setImmediate);
    expect(a.polls).toBe(false);
    end!();
    await waitUntil(() => a.polls);
  });

  test('refuse a job that a poll under way brings in, and owe its queue the next slot', async () => {
    const { a, b } = await twoPollers();
    const end = a.job()!;
    expect(b.job()).toBeUndefined();
    a.ask();
    b.ask();
    end();
    await waitUntil(() => b.polls);
    expect(a.polls).toBe(false);
    const endOfB = b.job();
    expect(endOfB).toBeDefined();
    endOfB!();
    await waitUntil(() => a.polls);
  });

  test('owe nothing for ever: a job that went elsewhere is not waited for', async () => {
    const { a, b } = await twoPollers();
    const end = a.job()!;
    expect(b.job()).toBeUndefined();
    a.ask();
    end();
    await waitUntil(() => a.polls);
  });

  test('follow their limit while they run', async () => {
    const slots = new SharedSlots(1);
    const pollers = [new Poller(slots, 'a').ask(), new Poller(slots, 'a').ask()];
    await new Promise(setImmediate);
    expect(pollers.filter((one) => one.polls)).toHaveLength(1);
    slots.limit = 2;
    await waitUntil(() => pollers.every((one) => one.polls));
  });

  test('a queue that is held gets none', async () => {
    const slots = new SharedSlots(1);
    slots.held = (queue) => queue === 'any';
    const [any, own] = [new Poller(slots, 'any').ask(), new Poller(slots, 'own').ask()];
    await waitUntil(() => own.polls);
    expect(any.polls).toBe(false);
    slots.held = () => false;
    await waitUntil(() => any.polls);
  });

  test('an abort gives back what was granted in that moment', async () => {
    const slots = new SharedSlots(1);
    const first = new Poller(slots, 'a').ask();
    first.abort.abort(new Error('stopping'));
    const second = new Poller(slots, 'b').ask();
    await waitUntil(() => second.polls);
    const third = new Poller(slots, 'a').ask();
    await waitUntil(() => third.polls);
  });
});
