import type { Request } from 'express';
import { meant } from '../../platform/config/nearest.ts';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';

/** The name of the pool in a path. @throws HttpProblem not_found, naming those there are */
export function findPool(api: ApiContext, req: Request): string {
  const name = String(req.params['pool']);
  if (api.catalog.pools.has(name)) return name;
  throw new HttpProblem(
    'not_found',
    `There is no pool ${JSON.stringify(name.slice(0, 100))}; ${meant(name.slice(0, 100), [...api.catalog.pools.keys()])}`,
  );
}
