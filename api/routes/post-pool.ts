import type { PoolState } from '../../contract/pool-control.ts';
import type { ApiContext } from '../context.ts';
import { readValue } from '../http/read-value.ts';
import { json, ref } from '../openapi/operation.ts';
import { findPool } from '../pools/find-pool.ts';
import { poolNoteSchema } from '../pools/pool-body.schema.ts';
import { poolView } from '../pools/pool-view.ts';
import type { Route } from '../route.ts';
import { readOptionalJson } from './request-document.ts';

const VERBS: Record<string, { state: PoolState; summary: string; description: string }> = {
  pause: {
    state: 'paused',
    summary: 'Pause a pool',
    description:
      'Nothing new starts in the pool, on no worker, until it is resumed; what runs goes on. Its jobs wait with the ' +
      'reason `paused`; those with alternatives go there after the usual wait. It stays so over restarts of everything.',
  },
  resume: {
    state: 'active',
    summary: 'Resume a pool',
    description: 'Jobs start again, within about a second. Numbers that were changed stay changed.',
  },
  drain: {
    state: 'draining',
    summary: 'Drain a pool',
    description:
      'As pause, and new jobs that can run in another pool are sent there. `control.state` becomes `drained` once ' +
      'nothing runs any more.',
  },
};

/** `POST /pools/{pool}/pause`, `resume` and `drain`. Doing it again changes nothing but the note. */
export function poolVerbs(api: ApiContext): Route[] {
  return Object.entries(VERBS).map(([verb, { state, summary, description }]) => ({
    method: 'post',
    path: `/pools/:pool/${verb}`,
    operation: {
      id: `${verb}Pool`,
      tag: 'operation',
      summary,
      description,
      body: {
        content: { 'application/json': { schema: ref('PoolNote'), example: { note: 'driver update on box 3' } } },
      },
      answers: { 200: json('The pool after it', ref('Pool')) },
      problems: ['not_found', 'validation', 'malformed', 'unsupported_media', 'service_unavailable'],
    },
    async handle(req, res) {
      const pool = findPool(api, req);
      const { note } = readValue((await readOptionalJson(req)) ?? {}, poolNoteSchema);
      const control = await api.poolChanger.change(pool, { state, note });
      api.logger.info({ pool, state: control.state, note: control.note }, 'pool changed');
      res.json(await poolView(api, pool));
    },
  }));
}
