import { condition, defineSignal, makeContinueAsNewFunc, setHandler } from '@temporalio/workflow';
import { ANNOUNCE_SIGNAL, NEEDS_MEMO, type Need, withNeed } from '../contract/needs.ts';

const announce = defineSignal<[Need]>(ANNOUNCE_SIGNAL);

/**
 * The board of what jobs need. It changes by becoming a new run whose memo is the new list: workers wait for the end of
 * the run they know, so each hears of a change at once, and nobody polls.
 */
export async function needs(standing: Need[] = []): Promise<void> {
  let list = standing;
  let changed = false;
  setHandler(announce, (need) => {
    const next = withNeed(list, need);
    if (!next) return;
    list = next;
    changed = true;
  });
  await condition(() => changed);
  await makeContinueAsNewFunc<typeof needs>({ memo: { [NEEDS_MEMO]: list } })(list);
}
