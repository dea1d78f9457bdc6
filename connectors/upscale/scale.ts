/** The factors there is a network for. */
export const SCALES = [2, 3, 4, 8] as const;
export type Scale = (typeof SCALES)[number];

/**
 * How far, in input pixels, a pixel of the input can influence the result: the sum of the radii of the network's
 * convolutions (seven of 3×3 and one of 5×5 on the input's grid: 9) and of the last one on the output's grid (under 1
 * pixel of the input). A tile that sees this much of its surroundings comes out exactly as in the whole picture.
 */
export const RECEPTIVE_RADIUS = 10;
