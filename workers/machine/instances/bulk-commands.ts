import { z } from 'zod';
import type { CommandHandler } from '../../../activities/machine/machine-command.ts';
import type { InstanceManager } from '../../../connectors/comfyui/instances/instance-manager.ts';
import { type ErrorCode, type FieldError, isErrorCode } from '../../../contract/errors.ts';
import type { InstanceStatus } from '../../../contract/machine-card.ts';
import { CommandError, readArgs } from '../commands/command-error.ts';

const instanceId = z.string().min(1, 'must name an instance');
const MOST = 64;

const which = z
  .strictObject({
    id: instanceId.optional().describe('One'),
    ids: z.array(instanceId).min(1, 'must name an instance').max(MOST).optional().describe('Several, at the same time'),
    all: z.literal(true, 'must be true').optional().describe('All that it can be done with'),
  })
  .refine(({ id, ids, all }) => [id, ids, all].filter((one) => one !== undefined).length === 1, {
    message: 'must have one of id, ids and all',
  });

/** One instance of a bulk command that it could not be done with; the others are not kept from theirs. */
interface BulkFailure {
  id: string;
  code: ErrorCode;
  message: string;
  errors?: FieldError[];
}

export interface BulkVerb {
  /** The states in which `all` means an instance. */
  from: readonly InstanceStatus[];
  work(id: string): Promise<void>;
  /** What is told of an instance with which it was done. */
  tell(id: string): unknown;
}

/**
 * A command for one instance (`id`), which answers with it, or for several (`ids`, `all`), which answers with
 * `{instances, failed}`. When one of several is unknown nothing is done with any.
 */
export function forInstances(manager: InstanceManager, { from, work, tell }: BulkVerb): CommandHandler {
  return async (args) => {
    const { id, ids, all } = readArgs(args, which);
    if (id !== undefined) {
      await work(id);
      return tell(id);
    }
    const present = manager.listInstances();
    const meant = all
      ? present.filter(({ status }) => from.includes(status)).map((one) => one.id)
      : [...new Set(ids ?? [])];
    const unknown = meant.filter((one) => !present.some((instance) => instance.id === one));
    if (unknown.length > 0)
      throw new CommandError('not_found', `There is no instance ${unknown.join(', ')}; nothing was done`);
    const outcomes = await Promise.all(
      meant.map((one) =>
        work(one).then(
          () => ({ instance: tell(one) }),
          (error: unknown) => ({ failure: failureOf(one, error) }),
        ),
      ),
    );
    return {
      instances: outcomes.flatMap((outcome) => ('instance' in outcome ? [outcome.instance] : [])),
      failed: outcomes.flatMap((outcome) => ('failure' in outcome ? [outcome.failure] : [])),
    };
  };
}

function failureOf(id: string, error: unknown): BulkFailure {
  const { code, message, errors } = error as { code?: unknown; message: string; errors?: FieldError[] };
  return { id, code: isErrorCode(code) ? code : 'internal', message, ...(errors ? { errors } : {}) };
}
