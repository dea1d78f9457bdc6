import type { Request } from 'express';
import { MACHINE_ID } from '../../contract/machine-card.ts';
import type { MachineView } from '../../contract/machine-view.ts';
import type { ApiContext } from '../context.ts';
import { HttpProblem } from '../http/http-problem.ts';

/** Of a machine that is not in the cache, longest look. Milliseconds: an unknown one is answered within 3 s. */
const LOOK_MS = 2_000;

/**
 * The machine that a path names.
 * @param parameter of the path
 * @throws as {@link machineOf}
 */
export function findMachine(api: ApiContext, req: Request, parameter = 'id'): Promise<MachineView> {
  return machineOf(api, String(req.params[parameter]));
}

/** @throws HttpProblem not_found; TemporalUnavailableError for one that is not known yet while Temporal is away */
export async function machineOf(api: ApiContext, id: string): Promise<MachineView> {
  if (!MACHINE_ID.test(id)) throw noMachine(id);
  const view = api.machines.get(id) ?? (await api.machines.look(id, LOOK_MS));
  if (!view) throw noMachine(id);
  return view;
}

function noMachine(id: string): HttpProblem {
  return new HttpProblem(
    'not_found',
    `There is no machine ${JSON.stringify(id.slice(0, 100))}; one that was away for a week is forgotten`,
  );
}
