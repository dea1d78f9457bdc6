import type { PoolScaling, PoolScalingView, ScalingView } from '../../contract/scaling.ts';
import { readScaling } from '../../platform/scaling/read-scaling.ts';
import type { ScalingPolicy } from '../../platform/scaling/policy.schema.ts';
import type { ApiContext } from '../context.ts';
import { json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';

export function getScaling(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/scaling',
    operation: {
      id: 'getScaling',
      tag: 'operation',
      summary: 'What the pools that scale want, have and cost, and why',
      description:
        'From the heartbeat of the active scaler, a few seconds old at most. Pools without `scaling` are not in it. ' +
        '`active` is false while no scaler runs: nobody starts or stops workers then.',
      answers: { 200: json('All pools that scale', ref('Scaling')) },
    },
    async handle(_req, res) {
      const { active, report } = await readScaling(api.client, api.timeoutMs);
      const view: ScalingView = {
        active,
        ...(report ? { scaler: report.scaler, seen_at: new Date(report.at).toISOString() } : {}),
        pools: [...api.catalog.pools].flatMap(([pool, { scaling }]) =>
          scaling
            ? [
                poolView(
                  pool,
                  scaling,
                  report?.pools.find((seen) => seen.pool === pool),
                ),
              ]
            : [],
        ),
      };
      res.json(view);
    },
  };
}

function poolView(pool: string, policy: ScalingPolicy, seen: PoolScaling | undefined): PoolScalingView {
  const { driver, min_workers, max_workers, budget_per_day } = policy;
  const nothing = { wanted: 0, ready: 0, starting: 0, draining: 0, backlog: 0, running: 0, oldest_ms: 0, since: 0 };
  return {
    ...(seen ?? { pool, driver, ...nothing, reason: 'no scaler has looked at it yet', alerts: [] }),
    min_workers,
    max_workers,
    ...(budget_per_day === undefined ? {} : { budget_per_day }),
    seen: seen !== undefined,
  };
}
