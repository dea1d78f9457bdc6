import type { NetworkScale } from './scale.ts';

/** What a thread is asked: to enlarge one window of a picture. */
export interface TileRequest {
  id: number;
  scale: NetworkScale;
  /** Size of the window, margin included. Pixels of the input. */
  width: number;
  height: number;
  margin: number;
  /** 8-bit RGB, handed over. */
  pixels: Uint8Array<ArrayBuffer>;
}

export type TileFailure = 'out_of_memory' | 'missing_model' | 'internal';

export type TileReply =
  | { id: number; pixels: Uint8Array<ArrayBuffer> }
  | { id: number; failure: TileFailure; message: string };
