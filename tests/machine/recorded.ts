import type { RunTool, ToolAnswer } from '../../platform/machine/run-tool.ts';

/** What GPU tools said on real machines, by what was wrong or right there. Ids are made up where they were published. */
const ok = (stdout: string): ToolAnswer => ({ outcome: 'ok', stdout, stderr: '' });
const failed = (code: number, stdout: string, stderr = ''): ToolAnswer => ({ outcome: 'failed', code, stdout, stderr });

/** nvidia-smi --query-gpu=index,uuid,name,memory.total,memory.used,utilization.gpu,temperature.gpu,driver_version,mig.mode.current */
export const NVIDIA = {
  twoCards: ok(`0, GPU-7fdaf0a5-179b-f636-d15d-daf243e3ff16, NVIDIA RTX A6000, 49140, 1071, 37, 61, 550.90.07, [N/A]
1, GPU-d8594bd4-0fc3-8595-e355-7c98138f3b95, NVIDIA RTX A6000, 49140, 4, 0, 34, 550.90.07, [N/A]
`),
  laptop: ok(
    '0, GPU-101b1cf0-fdf7-b374-a62c-76b25134fcf2, NVIDIA GeForce MX150, 2004, 0, [Not Supported], 44, 440.64, [Not Supported]\n',
  ),
  unifiedMemory: ok(
    '0, GPU-1c9a1f3a-9e2b-4a4e-8f0d-8f0a0c7c4d10, NVIDIA GB10, [N/A], [N/A], 0, 41, 580.95.05, [N/A]\n',
  ),
  mig: ok(`0, GPU-513536b6-7d19-9063-b049-1e69664bb298, NVIDIA A100-SXM4-80GB, 81920, 87, [N/A], 31, 535.216.01, Enabled
1, GPU-d8594bd4-0fc3-8595-e355-7c98138f3b95, NVIDIA A100-SXM4-80GB, 81920, 4, 0, 30, 535.216.01, Disabled
`),
  migList: ok(`GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-513536b6-7d19-9063-b049-1e69664bb298)
  MIG 3g.40gb     Device  0: (UUID: MIG-ce861fb0-a248-58ce-a9a8-f9adbc22a66a)
  MIG 1g.10gb     Device  1: (UUID: MIG-a45882f0-9215-5733-a0c1-49286ab31cb5)
GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-d8594bd4-0fc3-8595-e355-7c98138f3b95)
`),
  migWithoutSlices: ok('GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-513536b6-7d19-9063-b049-1e69664bb298)\n'),
  oneLost: failed(
    15,
    `0, GPU-7fdaf0a5-179b-f636-d15d-daf243e3ff16, NVIDIA RTX A6000, 49140, 1071, 37, 61, 550.90.07, [N/A]
1, [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost]
`,
  ),
  noHandle: failed(15, 'Unable to determine the device handle for GPU0000:0B:00.0: Unknown Error\n'),
  mismatch: failed(18, 'Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 570.133\n'),
  noDriver: failed(
    9,
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.\n\n",
  ),
  noDevices: failed(6, 'No devices were found\n'),
  container: failed(255, 'Failed to initialize NVML: Unknown Error\n'),
  oldDriver: failed(2, 'Field "mig.mode.current" is not a valid field to query.\n'),
  oldCards: ok('0, GPU-e18afb8d-1627-f8ff-2ba3-c05c5a8e9e67, GeForce GTX 1660 Ti, 5942, 310, 3, 52, 430.64\n'),
} as const;

/** rocm-smi --showproductname --showuniqueid --showmeminfo vram --showuse --showtemp --showdriverversion --json */
export const AMD = {
  radeon: ok(
    `{"card0": {"GPU use (%)": "12", "VRAM Total Memory (B)": "21458059264", "VRAM Total Used Memory (B)": "27856896", "Card Series": "Radeon RX 7900 XT", "Card Model": "0x744c", "Card Vendor": "Advanced Micro Devices Inc. [AMD/ATI]", "Card SKU": "D70401XT", "GFX Version": "gfx1100", "Unique ID": "0x7ab3e1cc0c5a1b22", "Temperature (Sensor edge) (C)": "41.0", "Temperature (Sensor junction) (C)": "47.0", "Temperature (Sensor memory) (C)": "52.0"}, "system": {"Driver version": "6.7.0"}}\n`,
  ),
  instinct: ok(
    `WARNING: AMD GPU device(s) is/are in a low-power state. Check power control/runtime_status\n\n{"card1": {"Unique ID": "0xa1", "Card series": "AMD INSTINCT MI200 (MCM) OAM LC MBA HPE C2", "GPU use (%)": "100", "VRAM Total Memory (B)": "68702699520", "VRAM Total Used Memory (B)": "10960896", "Temperature (Sensor junction) (C)": "39.0"}, "card0": {"Unique ID": "0xa0", "Card series": "AMD INSTINCT MI200 (MCM) OAM LC MBA HPE C2", "GPU use (%)": "0", "VRAM Total Memory (B)": "68702699520", "VRAM Total Used Memory (B)": "10960896", "Temperature (Sensor junction) (C)": "35.0"}}\n`,
  ),
  laptop: ok(
    '{"card0": {"Device Name": "Phoenix3", "Device ID": "0x1900", "GUID": "45560", "Unique ID": "N/A", "Temperature (Sensor edge) (C)": "31.0", "GPU use (%)": "19", "Memory Activity": "N/A"}}\n',
  ),
  noDriver: failed(2, '', 'ERROR:root:Driver not initialized (amdgpu not found in modules)\n'),
  none: ok('{}\n'),
} as const;

/** system_profiler SPDisplaysDataType -json */
export const APPLE = {
  m3: ok(
    '{"SPDisplaysDataType" : [{"_name" : "Apple M3 Pro", "spdisplays_mtlgpufamilysupport" : "spdisplays_metal3", "spdisplays_vendor" : "sppci_vendor_Apple", "sppci_model" : "Apple M3 Pro", "sppci_cores" : "18", "spdisplays_ndrvs" : [{"_name" : "Color LCD"}]}]}',
  ),
  m1: ok(
    '{"SPDisplaysDataType" : [{"_name" : "kHW_AppleM1Item", "spdisplays_metalfamily" : "spdisplays_mtlgpufamilyapple7"}]}',
  ),
  intel: ok('{"SPDisplaysDataType" : [{"_name" : "kHW_IntelIris6100Item", "_spdisplays_vram" : "1536 MB"}]}'),
} as const;

const MISSING: ToolAnswer = { outcome: 'missing', stdout: '', stderr: '' };

/** Answers as recorded; tools that nothing is recorded of are not installed. */
export function recorded(
  answers: Partial<Record<'nvidia' | 'nvidiaList' | 'nvidiaOld' | 'amd' | 'apple', ToolAnswer>>,
): RunTool {
  return async (program, args) => {
    if (program === 'nvidia-smi') {
      if (args.includes('-L')) return answers.nvidiaList ?? MISSING;
      return (args[0]?.includes('mig.mode') ? answers.nvidia : answers.nvidiaOld) ?? MISSING;
    }
    if (program === 'rocm-smi') return answers.amd ?? MISSING;
    return (program.endsWith('system_profiler') ? answers.apple : undefined) ?? MISSING;
  };
}
