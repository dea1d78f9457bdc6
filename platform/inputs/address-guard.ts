import { lookup as resolve, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Thrown, or handed to a connection, when an address is not one of the public internet. */
export class RefusedAddressError extends Error {
  override readonly name = 'RefusedAddressError';
  readonly address: string;
  constructor(address: string) {
    super(`${address} is not a public address`);
    this.address = address;
  }
}

/** Whether an IP address can be reached by everybody: not loopback, private, link-local, multicast, reserved, … */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  // process() turns IPv4-mapped IPv6 addresses into what they mean.
  return ipaddr.process(address).range() === 'unicast';
}

/**
 * Resolves names for connections and refuses those of which any address is not allowed. The connection uses exactly
 * the addresses that were checked, so a name that answers differently the next time gains nothing.
 */
export function guardedLookup(allowed: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const refused = addresses.find(({ address }) => !allowed(address));
      if (refused) return callback(new RefusedAddressError(`${hostname} (${refused.address})`), []);
      if (options.all) return callback(null, addresses);
      const [first] = addresses as [LookupAddress];
      callback(null, first.address, first.family);
    });
  };
}

/**
 * Checks a URL whose host is written as an address: no look-up happens for those.
 * @throws RefusedAddressError
 */
export function checkLiteralHost(url: URL, allowed: (address: string) => boolean): void {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (ipaddr.isValid(host) && !allowed(host)) throw new RefusedAddressError(host);
}
