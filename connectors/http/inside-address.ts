import { lookup } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';
import { isPublicAddress } from '../../platform/inputs/address-guard.ts';

const INSIDE_NAME = /(?:^|\.)(?:localhost|local|internal|lan|intranet|home\.arpa)\.?$/;

/**
 * Whether a URL leads into a network that not everybody reaches, for addresses that somebody else will fetch. Costs a
 * look-up for hosts that are names.
 * @returns the host; undefined when it is public, cannot be resolved here, or the text is no URL
 */
export async function insideAddress(text: string): Promise<string | undefined> {
  if (!URL.canParse(text)) return undefined;
  const host = new URL(text).hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (ipaddr.isValid(host)) return isPublicAddress(host) ? undefined : host;
  if (INSIDE_NAME.test(host) || !host.includes('.')) return host;
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.some(({ address }) => !isPublicAddress(address)) ? host : undefined;
}
