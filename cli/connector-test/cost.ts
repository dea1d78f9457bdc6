import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isPublicAddress } from '../../platform/inputs/address-guard.ts';

/**
 * Whether jobs may cost money: all that goes to a public address may, and so does what nobody knows the address of. What
 * runs in this process, on this machine or in the network around it does not.
 * @param internal the service needs no other computer
 */
export async function mayCost(address: string | undefined, internal: boolean): Promise<boolean> {
  if (address === undefined || !URL.canParse(address)) return !internal;
  const host = new URL(address).hostname.replace(/^\[|\]$/g, '');
  if (isIP(host)) return isPublicAddress(host);
  try {
    const found = await lookup(host, { all: true });
    return found.some((each) => isPublicAddress(each.address));
  } catch {
    // A name that cannot be resolved here may be resolved by a proxy.
    return true;
  }
}
