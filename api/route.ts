import type { Request, Response } from 'express';
import type { Operation } from './openapi/operation.ts';

export type Method = 'get' | 'post' | 'patch' | 'delete';

/** One address of the API: the router, the reference and the answer to a wrong method are all made from this. */
export interface Route {
  method: Method;
  /** Below the prefix, in express's form, e.g. `/jobs/:id`. */
  path: string;
  operation: Operation;
  handle(req: Request, res: Response): Promise<void> | void;
}
