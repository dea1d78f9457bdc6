import { z } from 'zod';
import type { InstanceDocument } from '../../contract/instance.ts';
import { INSTANCE_STATUSES, MACHINE_ID } from '../../contract/machine-card.ts';
import type { InstanceView, MachineView } from '../../contract/machine-view.ts';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';
import { readQuery, repeatable } from '../http/read-query.ts';
import { answerInstanceCommand, COMMAND_WAIT, instanceIdOf } from '../machines/command-instance.ts';
import { commandMachine } from '../machines/command-machine.ts';
import { json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';
import { findMachine, machineOf } from './find-machine.ts';

const HEALTHS = ['healthy', 'degraded', 'unhealthy'] as const;

const listQuery = z.strictObject({
  machine: repeatable(z.string().regex(MACHINE_ID, 'is no id of a machine')),
  status: repeatable(z.enum(INSTANCE_STATUSES)),
  health: repeatable(z.enum(HEALTHS)),
});
const oneQuery = z.strictObject({ full: z.stringbool('must be true or false').optional() });

function viewsOf({ id: machine, presence, card }: MachineView): InstanceView[] {
  return (card?.instances ?? []).map((instance) => ({ machine, presence, ...instance }));
}

export function getInstances(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/instances',
    operation: {
      id: 'listInstances',
      tag: 'instances',
      summary: 'List the instances',
      description:
        'Those of all machines, from the cards of the machines: a second or two old, with those of machines that are away ' +
        'as they were known last.',
      parameters: [
        { name: 'machine', in: 'query', description: 'Only of these machines', schema: { type: 'string' } },
        {
          name: 'status',
          in: 'query',
          description: 'Only with these states, set apart by commas',
          schema: { type: 'string' },
          example: 'running,paused',
        },
        {
          name: 'health',
          in: 'query',
          description: `One or more of ${HEALTHS.join(', ')}`,
          schema: { type: 'string' },
        },
      ],
      answers: { 200: json('The instances', ref('InstanceList')) },
      problems: ['validation', 'not_found'],
    },
    async handle(req, res) {
      const { machine, status, health } = readQuery(req, listQuery);
      const machines = machine ? await Promise.all(machine.map((id) => machineOf(api, id))) : api.machines.list();
      const instances = machines
        .flatMap(viewsOf)
        .filter((one) => (status?.includes(one.status) ?? true) && (health?.includes(one.health) ?? true));
      res.json({ instances });
    },
  };
}

export function getInstance(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/instances/:machine/:id',
    operation: {
      id: 'getInstance',
      tag: 'instances',
      summary: 'Read an instance',
      description:
        'As the card of its machine tells of it. `full` asks the machine itself for configuration, health, statistics and ' +
        'alerts too: a command, which stands in its history.',
      parameters: [
        {
          name: 'full',
          in: 'query',
          description: 'Ask the machine for all',
          schema: { type: 'boolean', default: false },
        },
      ],
      answers: { 200: json('The instance', ref('Instance')) },
      problems: ['not_found', 'validation', 'conflict', 'rate_limited', 'timeout'],
    },
    async handle(req, res) {
      const { full = false } = readQuery(req, oneQuery);
      const machine = await findMachine(api, req, 'machine');
      const id = instanceIdOf(req);
      const view = viewsOf(machine).find((one) => one.id === id);
      // One that was made a moment ago is on no card yet.
      if (!view && machine.presence !== 'alive') throw noInstance(id, machine.id);
      const details = full || !view ? await askFor(api, machine, id) : undefined;
      res.json({ ...(view ?? viewOf(machine, details!)), ...(full ? { details } : {}) });
    },
  };
}

async function askFor(api: ApiContext, machine: MachineView, id: string): Promise<InstanceDocument> {
  const operation = await commandMachine(api, machine, 'instance.get', { args: { id } });
  if (operation.state === 'succeeded') return operation.result as InstanceDocument;
  if (operation.error?.code === 'not_found') throw noInstance(id, machine.id);
  throw new HttpProblem(operation.error?.code ?? 'timeout', operation.error?.message ?? 'The machine did not answer');
}

function viewOf({ id: machine, presence }: MachineView, document: InstanceDocument): InstanceView {
  const { id, name, url, status, health, active, config } = document;
  return {
    ...{ machine, presence, id, name, url, status, health: health.status, gpus: [], active },
    active_jobs: health.systemStats?.activeWorkflows ?? 0,
    max_jobs: config.maxConcurrentWorkflows,
  };
}

function noInstance(id: string, machine: string): HttpProblem {
  return new HttpProblem('not_found', `Machine ${machine} has no instance ${JSON.stringify(id.slice(0, 100))}`);
}

const ASKED = {
  health: {
    id: 'checkInstance',
    kind: 'instance.health',
    summary: 'Ask an instance how it is',
    description: 'Checked now; with the latest checks, errors and alerts.',
    schema: 'InstanceHealth',
  },
  history: {
    id: 'getInstanceHistory',
    kind: 'instance.stats',
    summary: 'Statistics and latest workflows of an instance',
    description: 'With its resources over the last minutes.',
    schema: 'InstanceHistory',
  },
} as const;

/** What only the machine knows of an instance. */
export function askInstance(api: ApiContext): Route[] {
  return (['health', 'history'] as const).map((what) => ({
    method: 'get',
    path: `/instances/:machine/:id/${what}`,
    operation: {
      id: ASKED[what].id,
      tag: 'instances',
      summary: ASKED[what].summary,
      description: ASKED[what].description,
      parameters: [COMMAND_WAIT],
      answers: {
        200: json('What the machine says', ref(ASKED[what].schema)),
        202: json('It takes longer; follow it at `/machines/{id}/operations/{op}`', ref('MachineOperation')),
      },
      problems: ['not_found', 'validation', 'conflict', 'rate_limited', 'timeout'],
    },
    handle: (req, res) =>
      answerInstanceCommand(api, req, res, { kind: ASKED[what].kind, args: { id: instanceIdOf(req) } }),
  }));
}
