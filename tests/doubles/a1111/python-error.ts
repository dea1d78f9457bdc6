import type { Json } from '../hosted/wire.ts';

/** What the server's code raises. */
export class PythonError extends Error {
  readonly status: number;
  readonly type: string;

  /** @param type an exception of its own; default: FastAPI's, with a `detail` */
  constructor(status: number, message: string, type = 'HTTPException') {
    super(message);
    this.status = status;
    this.type = type;
  }

  /** As its exception handler writes it. */
  get body(): Json {
    const known = this.type === 'HTTPException';
    return { error: this.type, detail: known ? this.message : '', body: '', errors: known ? '' : this.message };
  }
}

/** What really comes, ready to order. */
export const RAISES = {
  outOfMemory: () =>
    new PythonError(
      500,
      'CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 8.00 GiB total capacity; 6.10 GiB already allocated)',
      'OutOfMemoryError',
    ),
  nans: () => new PythonError(500, 'A tensor with all NaNs was produced in Unet.', 'NansException'),
  attribute: () => new PythonError(500, "'NoneType' object has no attribute 'lowvram'", 'AttributeError'),
};
