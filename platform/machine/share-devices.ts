/** A worker that needs devices of one kind, each for itself. */
export interface DeviceClaim {
  count: number | 'auto';
  /** Instances that share one device. */
  perDevice: number;
}

/** Too many claims on too few devices. */
export interface DeviceShortage {
  needed: number;
  present: number;
}

/**
 * Deals devices out, in their order: no two workers share one. Who asks for a number gets as few devices as that takes,
 * filled one after the other; an `auto` gets at least one, and what is left goes to the `auto` ones in turn.
 * @returns for each claim the devices of its instances, in order; or the shortage
 */
export function shareDevices<D>(claims: readonly DeviceClaim[], devices: readonly D[]): D[][] | DeviceShortage {
  const shares = claims.map(({ count, perDevice }) => (count === 'auto' ? 1 : Math.ceil(count / perDevice)));
  const needed = shares.reduce((sum, each) => sum + each, 0);
  if (needed > devices.length) return { needed, present: devices.length };
  const greedy = claims.flatMap(({ count }, at) => (count === 'auto' ? [at] : []));
  for (let left = devices.length - needed, turn = 0; greedy.length > 0 && left > 0; left--, turn++) {
    shares[greedy[turn % greedy.length]!]!++;
  }
  let next = 0;
  return claims.map(({ count, perDevice }, at) => {
    const own = devices.slice(next, (next += shares[at]!));
    const instances = own.flatMap((device) => Array.from({ length: perDevice }, () => device));
    return count === 'auto' ? instances : instances.slice(0, count);
  });
}
