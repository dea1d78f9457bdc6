import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Forwarder } from '../harness/forwarder.ts';
import type { MachineSite } from './machine-site.ts';

const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

/** Whether namespaces and small disks can be had: both need root on Linux. */
export const canMount = isRoot && works('mount', '--version');
const canIsolate = isRoot && canMakeNetworks(`sy-probe-${process.pid}`);

/**
 * A box of its own: home, data, programs, and where that can be had a network of its own, as behind a router: from it
 * there is a way to Temporal and nowhere else, and no way leads into it.
 */
export interface Box {
  /** What its machine needs in the environment. */
  env: NodeJS.ProcessEnv;
  /** What its processes are started through. */
  through: readonly string[];
  dataDir: string;
  servicesDir: string;
  /** Its address as seen from outside, when it has a network of its own. */
  address: string | undefined;
  /** Breaks its way to Temporal. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  remove(): Promise<void>;
}

/**
 * @param number 1 or 2
 * @param diskBytes its data lie on a disk of this size; needs {@link canMount}
 */
export async function openBox(site: MachineSite, number: number, diskBytes?: number): Promise<Box> {
  const home = mkdtempSync(join(tmpdir(), 'switchyard-box-'));
  const dataDir = join(home, 'data');
  const servicesDir = join(home, 'services');
  mkdirSync(dataDir);
  if (diskBytes !== undefined) run('mount', '-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', dataDir);
  cpSync(join(site.stack.dataDir, 'services'), servicesDir, { recursive: true });
  // Results go to the store that all share, wherever it is mounted.
  const store = join(site.stack.dataDir, 'artifacts');
  mkdirSync(store, { recursive: true });
  symlinkSync(store, join(dataDir, 'artifacts'));
  // Where they share a network after all, each needs ports of its own.
  const configDir = join(home, 'config');
  site.configure(configDir, site.port + number - 1);
  const network = canIsolate ? openNetwork(number) : undefined;
  const temporal = Number(site.stack.temporal.address.split(':')[1]);
  const forwarder = await Forwarder.to(temporal, network?.gateway);
  await forwarder.on();
  return {
    env: {
      HOME: home,
      SWITCHYARD_DATA_DIR: dataDir,
      SWITCHYARD_CONFIG_DIR: configDir,
      SWITCHYARD_SERVICES_DIR: servicesDir,
      TEMPORAL_ADDRESS: `${network?.gateway ?? '127.0.0.1'}:${forwarder.port}`,
    },
    through: network?.through ?? [],
    dataDir,
    servicesDir,
    address: network?.address,
    cut: () => forwarder.off(),
    mend: () => forwarder.on(),
    async remove() {
      await forwarder.off();
      network?.close();
      if (diskBytes !== undefined) run('umount', '-l', dataDir);
      rmSync(home, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** A network namespace with one cable to here. */
function openNetwork(number: number) {
  const name = `sy-${process.pid}-${number}`;
  const cable = `sy${process.pid % 100_000}x${number}`;
  const net = `10.${200 + number}.${process.pid % 250}`;
  run('ip', 'netns', 'add', name);
  run('ip', 'link', 'add', `${cable}a`, 'type', 'veth', 'peer', 'name', `${cable}b`, 'netns', name);
  run('ip', 'address', 'add', `${net}.1/30`, 'dev', `${cable}a`);
  run('ip', 'link', 'set', `${cable}a`, 'up');
  const inside = ['netns', 'exec', name];
  run('ip', ...inside, 'ip', 'address', 'add', `${net}.2/30`, 'dev', `${cable}b`);
  for (const each of ['lo', `${cable}b`]) run('ip', ...inside, 'ip', 'link', 'set', each, 'up');
  return {
    through: ['ip', ...inside],
    /** This end of the cable. */
    gateway: `${net}.1`,
    address: `${net}.2`,
    close: () => run('ip', 'netns', 'delete', name),
  };
}

/** Some kernels let namespaces be made, and no cables between them. */
function canMakeNetworks(name: string): boolean {
  if (!works('ip', 'netns', 'add', name)) return false;
  const cable = works('ip', '-n', name, 'link', 'add', 'probe0', 'type', 'veth', 'peer', 'name', 'probe1');
  return works('ip', 'netns', 'delete', name) && cable;
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function works(program: string, ...args: string[]): boolean {
  try {
    run(program, ...args);
    return true;
  } catch {
    return false;
  }
}
