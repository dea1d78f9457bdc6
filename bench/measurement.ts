/** One row of the table. */
export interface Measurement {
  name: string;
  ours: number;
  peer: number;
  /** What `peer` is. */
  against: string;
  unit: string;
  /** ours ÷ peer */
  ratio: number;
  /** The bound the project sets itself, e.g. `≥ 0.95`; absent where a number only informs. */
  target?: string;
  method: string;
}

export function measurement(row: Omit<Measurement, 'ratio'>): Measurement {
  return { ...row, ratio: row.ours / row.peer };
}
