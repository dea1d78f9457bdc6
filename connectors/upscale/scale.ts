/** The factors a job can ask for. */
export const SCALES = [2, 3, 4, 8] as const;
export type Scale = (typeof SCALES)[number];

/** The factors a network is used for. */
export const NETWORK_SCALES = [2, 3, 4] as const;
export type NetworkScale = (typeof NETWORK_SCALES)[number];

/**
 * The network for a factor. 8× is done by the 4× network, and the result enlarged twice with Lanczos: the package's own
 * 8× network ends with "repeat each pixel 8 × 8 times, then one 3×3 convolution", so the 36 inner pixels of each such
 * block are alike and its pictures show stairs. Measured on a scene of known pixels: 24.87 instead of 24.71 dB, in two
 * thirds of the time; the 2× network on top of the 4× one gets 24.89 dB in ten times the time.
 */
export function networkFor(scale: Scale): NetworkScale {
  return scale === 8 ? 4 : scale;
}

/**
 * How far, in input pixels, a pixel of the input can influence the result: the sum of the radii of the network's
 * convolutions (seven of 3×3 and one of 5×5 on the input's grid: 9) and of the last one on the output's grid (under 1
 * pixel of the input). A tile that sees this much of its surroundings comes out exactly as in the whole picture.
 */
export const RECEPTIVE_RADIUS = 10;
