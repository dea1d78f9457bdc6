import { z } from 'zod';
import { jobSchema } from '../../contract/job.schema.ts';
import { cancelBodySchema } from '../routes/post-cancel.ts';
import { patchBodySchema } from '../routes/patch-body.schema.ts';
import {
  artifactSchema,
  jobAttemptSchema,
  jobErrorSchema,
  jobEventSchema,
  jobSummarySchema,
  jobViewSchema,
  liveEventSchema,
  progressSchema,
} from './job.schemas.ts';
import { instanceChangeSchema, instanceWishSchema } from '../../contract/instance.schema.ts';
import { instanceBulkBodySchema, instanceExportBodySchema } from '../routes/instance-body.schema.ts';
import * as instance from './instance.schemas.ts';
import * as machine from './machine.schemas.ts';
import { commandBodySchema, verbBodySchema } from '../routes/machine-command.schema.ts';
import type { JsonSchema } from './operation.ts';
import * as other from './other.schemas.ts';
import { scalingViewSchema } from './scaling.schemas.ts';
import * as pool from './pool.schemas.ts';
import { poolChangeSchema, poolNoteSchema } from '../pools/pool-body.schema.ts';

/** Schemas of what clients send, and of what they get: with defaults these two differ. */
const INPUTS: Record<string, z.ZodType> = {
  JobInput: jobSchema,
  JobChange: patchBodySchema,
  CancelBody: cancelBodySchema,
  PoolChange: poolChangeSchema,
  PoolNote: poolNoteSchema,
  MachineCommandBody: commandBodySchema,
  MachineVerbBody: verbBodySchema,
  InstanceWish: instanceWishSchema,
  InstanceChange: instanceChangeSchema,
  InstanceBulk: instanceBulkBodySchema,
  InstanceExportBody: instanceExportBodySchema,
};

const OUTPUTS: Record<string, z.ZodType> = {
  Job: jobViewSchema,
  JobSummary: jobSummarySchema,
  JobPage: other.jobPageSchema,
  JobEvent: jobEventSchema,
  LiveEvent: liveEventSchema,
  JobError: jobErrorSchema,
  Progress: progressSchema,
  Attempt: jobAttemptSchema,
  AttemptList: other.attemptListSchema,
  Artifact: artifactSchema,
  ArtifactList: other.artifactListSchema,
  LogPage: other.logPageSchema,
  Service: other.serviceSchema,
  ServiceList: other.serviceListSchema,
  Pool: pool.poolViewSchema,
  PoolList: pool.poolListSchema,
  Worker: other.workerSchema,
  WorkerList: other.workerListSchema,
  Machine: machine.machineViewSchema,
  MachineList: machine.machineListSchema,
  MachineOperation: machine.machineOperationSchema,
  MachineEvent: machine.machineEventSchema,
  Instance: instance.instanceDetailsSchema,
  InstanceList: instance.instanceListSchema,
  InstanceDocument: instance.instanceDocumentSchema,
  InstanceDeleted: instance.instanceDeletedSchema,
  InstanceBulkResult: instance.instanceBulkSchema,
  InstanceHealth: instance.instanceHealthSchema,
  InstanceHistory: instance.instanceHistorySchema,
  InstanceExport: instance.instanceExportSchema,
  InstanceImport: instance.instanceImportSchema,
  Scaling: scalingViewSchema,
  Problem: other.problemSchema,
  Health: other.healthSchema,
};

/** `components.schemas` of the OpenAPI document. */
export function componentSchemas(): Record<string, JsonSchema> {
  return { ...schemasOf(INPUTS, 'input'), ...schemasOf(OUTPUTS, 'output') };
}

function schemasOf(named: Record<string, z.ZodType>, io: 'input' | 'output'): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => {
      const { $schema: _schema, $id: _id, id: _own, ...rest } = schema as JsonSchema;
      return [id, io === 'output' ? open(rest) : rest];
    }),
  );
}

/** Answers may gain fields: a client generated from this document must not break over one it does not know. */
function open(schema: JsonSchema): JsonSchema {
  const copy: JsonSchema = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'additionalProperties' && value === false) continue;
    copy[key] = Array.isArray(value) ? value.map((one: unknown) => openValue(one)) : openValue(value);
  }
  return copy;
}

function openValue(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? open(value as JsonSchema) : value;
}
