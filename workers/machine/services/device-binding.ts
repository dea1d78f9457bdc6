import type { GpuFacts } from '../../../contract/machine-facts.ts';

/** No device is seen: for programs that are bound to none, and would otherwise take all. HIP reads both. */
const NONE = { CUDA_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1' };

/**
 * Variables that let a program see its one device and no other. Programs find it as their first.
 * @param gpu undefined: none
 */
export function deviceBinding(gpu: GpuFacts | undefined): Record<string, string> {
  switch (gpu?.vendor) {
    case 'nvidia':
      // CUDA counts the fastest first unless told otherwise; nvidia-smi counts by bus. CUDA C++ Programming Guide, J.
      return { CUDA_VISIBLE_DEVICES: gpu.device, CUDA_DEVICE_ORDER: 'PCI_BUS_ID' };
    case 'amd':
      return { ROCR_VISIBLE_DEVICES: gpu.device };
    case 'apple':
      return {};
    case 'mock':
      return { ...NONE, SWITCHYARD_MOCK_GPU: gpu.device };
    default:
      return NONE;
  }
}
