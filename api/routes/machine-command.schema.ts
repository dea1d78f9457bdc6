import { z } from 'zod';
import { COMMAND_KINDS } from '../../contract/machine-command.ts';

const wait = z.int().min(0).max(60).optional();
const id = z
  .string()
  .regex(/^[\w.:-]{1,100}$/, 'must be 1–100 letters, digits or ". : _ -"')
  .optional()
  .describe('The same id again is the same command, carried out once. Default: a new one');

/** What a client may say with any command. */
const common = {
  id,
  issued_by: z.string().max(200).optional().describe('Who asks, for the history'),
  detached: z.boolean().optional().describe('Answer at once with an operation to follow'),
  wait: wait.describe(
    'Longest wait for the result, seconds; default 30. Then the operation goes on and can be followed',
  ),
};

export const commandBodySchema = z.strictObject({
  kind: z.enum(COMMAND_KINDS).describe('What to do'),
  args: z.record(z.string(), z.unknown()).default({}).describe('Of the command; docs/machines.md lists them'),
  ...common,
});

export const verbBodySchema = z.strictObject({
  args: z.record(z.string(), z.unknown()).default({}).describe('Of the command; docs/machines.md lists them'),
  ...common,
});
