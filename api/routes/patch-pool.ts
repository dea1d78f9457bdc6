import type { ApiContext } from '../context.ts';
import { readJson } from '../http/read-body.ts';
import { readValue } from '../http/read-value.ts';
import { json, ref } from '../openapi/operation.ts';
import { findPool } from '../pools/find-pool.ts';
import { poolChangeSchema } from '../pools/pool-body.schema.ts';
import { poolView } from '../pools/pool-view.ts';
import type { Route } from '../route.ts';
import { BODY_TIMEOUT_MS } from './request-document.ts';

export function patchPool(api: ApiContext): Route {
  return {
    method: 'patch',
    path: '/pools/:pool',
    operation: {
      id: 'changePool',
      tag: 'operation',
      summary: 'Change the limits of a pool while it runs',
      description:
        'Numbers of `pools.json`, until set to null. Time-outs and retries count for jobs taken from now on; ' +
        '`max_concurrent_jobs` reaches running workers within 5 s and interrupts nothing. It stays so over restarts.',
      body: {
        required: true,
        content: {
          'application/json': { schema: ref('PoolChange'), example: { max_concurrent_jobs: 2, timeout_seconds: null } },
        },
      },
      answers: { 200: json('The pool after it', ref('Pool')) },
      problems: [
        ...(['not_found', 'validation', 'malformed', 'unsupported_media'] as const),
        ...(['payload_too_large', 'service_unavailable'] as const),
      ],
    },
    async handle(req, res) {
      const pool = findPool(api, req);
      const body = await readJson(req, { maxBytes: 65_536, timeoutMs: BODY_TIMEOUT_MS });
      const { note, ...limits } = readValue(body, poolChangeSchema);
      const control = await api.poolChanger.change(pool, { limits, note });
      api.logger.info({ pool, limits: control.limits, note: control.note }, 'pool changed');
      res.json(await poolView(api, pool));
    },
  };
}
