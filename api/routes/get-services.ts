import { z } from 'zod';
import type { CatalogRoute, CatalogService } from '../../platform/catalog/catalog.ts';
import type { HeldReport } from '../../platform/live/report-book.ts';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';
import { serviceHealth } from '../services/service-health.ts';
import { json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';

export function getServices(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/services',
    operation: {
      id: 'listServices',
      tag: 'services',
      summary: 'List the services',
      description:
        'What jobs can ask for, with the JSON Schema of each payload and a payload that works as it is; which workers ' +
        'serve it, and how the backends behind them fare, by the checks of their connectors.',
      answers: { 200: json('All services', ref('ServiceList')) },
    },
    handle(_req, res) {
      const off = [...api.catalog.off].map(([name, family]) => ({ name, family }));
      const reports = api.live.reports.list();
      const services = [...api.catalog.services.values()].map((service) => serviceView(api, reports, service, false));
      res.json({ services, off });
    },
  };
}

export function getService(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/services/:name',
    operation: {
      id: 'readService',
      tag: 'services',
      summary: 'Read one service',
      description: 'As in the list, and with the models of each worker.',
      answers: { 200: json('The service', ref('Service')) },
      problems: ['not_found'],
    },
    handle(req, res) {
      const name = String(req.params['name']);
      const service = api.catalog.services.get(name);
      const family = api.catalog.off.get(name);
      if (family !== undefined) {
        throw new HttpProblem('not_found', `The service ${name} is off here: add ${family} to CONNECTORS`);
      }
      if (!service) {
        throw new HttpProblem(
          'not_found',
          `There is no service ${JSON.stringify(name.slice(0, 100))}; there are: ${[...api.catalog.services.keys()].join(', ')}`,
        );
      }
      res.json(serviceView(api, api.live.reports.list(), service, true));
    },
  };
}

function serviceView(
  { presence }: ApiContext,
  reports: readonly HeldReport[],
  { name, manifest, routes, type }: CatalogService,
  models: boolean,
) {
  const queues = new Set(routes.map((route) => `${route.pool}.${route.capability}`));
  const isFirst = ({ worker_id }: CatalogRoute) => worker_id === routes[0]?.worker_id;
  return {
    name,
    title: manifest.title,
    description: manifest.description,
    type,
    pools: [...new Set(routes.map((route) => route.pool))],
    connectors: [...new Set(routes.map((route) => route.connector))],
    // Any one of its workers will do: those of the first of the mapping.
    required_env: [...new Set(routes.filter(isFirst).flatMap((route) => route.required_env ?? []))],
    inputs: manifest.inputs,
    example: manifest.example,
    payload_schema: payloadSchema(manifest.payload),
    workers: presence.workers().filter((worker) => queues.has(worker.task_queue)).length,
    ...serviceHealth(routes, { presence, reports }, models),
  };
}

/** What a client may write, so defaults are not required. A part that JSON Schema cannot say stays open. */
function payloadSchema(payload: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...schema } = z.toJSONSchema(payload, { io: 'input', unrepresentable: 'any' });
  return schema;
}
