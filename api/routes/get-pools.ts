import type { ApiContext } from '../context.ts';
import { findPool } from '../pools/find-pool.ts';
import { poolView } from '../pools/pool-view.ts';
import { json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';

export function getPools(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/pools',
    operation: {
      id: 'listPools',
      tag: 'operation',
      summary: 'List the pools',
      description:
        'Their configuration, what they run, who is there and what waits. Counts of waiting jobs come from Temporal, ' +
        'are approximate and at most a second old; without Temporal they are left out.',
      answers: { 200: json('All pools', ref('PoolList')) },
    },
    async handle(_req, res) {
      const pools = [...api.catalog.pools.keys()].map((name) => poolView(api, name));
      res.json({ pools: await Promise.all(pools) });
    },
  };
}

export function getPool(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/pools/:pool',
    operation: {
      id: 'getPool',
      tag: 'operation',
      summary: 'Look at a pool',
      description: 'As the list of the pools tells it.',
      answers: { 200: json('The pool', ref('Pool')) },
      problems: ['not_found'],
    },
    async handle(req, res) {
      res.json(await poolView(api, findPool(api, req)));
    },
  };
}
