import { expect, test } from '@jest/globals';
import { Renewed } from '../../../connectors/base/renewed.ts';

test('made at the first use, anew after a change; all of them are let go of in the end', async () => {
  let made = 0;
  const closed: number[] = [];
  const renewed = new Renewed(
    () => {
      if (made === 2) throw new Error('bad settings');
      return ++made;
    },
    async (value) => void closed.push(value),
  );
  await renewed.close();
  expect(made).toBe(0);
  expect([renewed.current, renewed.current]).toEqual([1, 1]);
  renewed.renew();
  expect(renewed.current).toBe(2);
  expect(closed).toEqual([]);
  renewed.renew();
  expect(() => renewed.current).toThrow('bad settings');
  await renewed.close();
  expect(closed.toSorted((a, b) => a - b)).toEqual([1, 2]);
});
