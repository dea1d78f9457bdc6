/** What a machine is made of, as it stands in the machine card and in plans. Wire document: snake_case. */

/** `mock`: no device at all, asked for by `mock_gpu`; whatever is bound to it runs on the CPU. */
export type GpuVendor = 'nvidia' | 'amd' | 'apple' | 'mock';

/** One device that a service can be bound to: a whole GPU, or a slice of one (MIG). Numbers are null where unknown. */
export interface GpuFacts {
  /** Position on this machine, from 0, without gaps. Names and ports count by it. */
  index: number;
  vendor: GpuVendor;
  name: string;
  /** What the variable that binds a process to the device gets: the vendor's own number, or the id of a slice. */
  device: string;
  /** The vendor's lasting id of it. */
  uuid?: string;
  /** Of a slice: its profile, e.g. `1g.10gb`. */
  mig_profile?: string;
  memory_total_bytes: number | null;
  /** Of a slice: unknown; nvidia-smi tells it of the whole device only. */
  memory_used_bytes: number | null;
  /** 0-100. */
  utilization_percent: number | null;
  temperature_celsius: number | null;
  driver_version?: string;
}

/** `gpu`: has devices. `api`: works for services elsewhere, and on its CPU. */
export type MachineType = 'gpu' | 'api';

export interface MachineFacts {
  type: MachineType;
  hostname: string;
  /** `linux`, `darwin`, `win32`. */
  platform: string;
  arch: string;
  gpus: GpuFacts[];
  /** Why a device that seems to be there cannot be used, each with what to do. */
  gpu_problems: string[];
  cpu: {
    model: string;
    /** Cores the system has. */
    cores: number;
    /** Cores this process may use: less than `cores` in a container with a quota. */
    usable: number;
  };
  memory: {
    /** What this process may use: the machine's, or the limit of its container. */
    total_bytes: number;
    available_bytes: number;
    /** Whether `total_bytes` is a container's limit. */
    limited: boolean;
  };
  /** The file system of the data directory. */
  disk: { path: string; total_bytes: number; free_bytes: number };
}
