import { planJob } from '../../platform/routing/plan-job.ts';
import type { ApiContext } from '../context.ts';
import { json, ref } from '../openapi/operation.ts';
import { IDEMPOTENCY_PARAMETERS } from '../openapi/parameters.ts';
import type { Route } from '../route.ts';
import { readJobDocument } from './request-document.ts';
import { submitJob } from './submit-job.ts';

export function postJobs(api: ApiContext): Route {
  return {
    method: 'post',
    path: '/jobs',
    operation: {
      id: 'submitJob',
      tag: 'jobs',
      summary: 'Submit a job',
      description:
        'Validates the document, routes it and starts its workflow. Files may come with it: as multipart/form-data ' +
        'with the document in the part `job` and each file in a part named after the payload field it belongs to ' +
        '(`inputs` of the service); the part `job` may come first or last.',
      parameters: IDEMPOTENCY_PARAMETERS,
      body: {
        required: true,
        content: {
          'application/json': {
            schema: ref('JobInput'),
            examples: Object.fromEntries(
              [...api.catalog.services.values()].map(({ name, manifest }) => [
                name,
                { summary: manifest.title, value: { service: name, payload: manifest.example } },
              ]),
            ),
          },
          'multipart/form-data': {
            schema: {
              type: 'object',
              required: ['job'],
              properties: { job: ref('JobInput') },
              additionalProperties: { type: 'string', contentMediaType: 'application/octet-stream' },
            },
            encoding: { job: { contentType: 'application/json' } },
          },
        },
      },
      answers: {
        201: json('The job was taken (and has ended, if it was waited for and did)', ref('Job'), {
          Location: { description: 'Address of the job', schema: { type: 'string' } },
          'Preference-Applied': { description: 'The wait that was applied', schema: { type: 'string' } },
        }),
        200: json('The same request under the same Idempotency-Key started this job before', ref('Job'), {
          Location: { description: 'Address of the job', schema: { type: 'string' } },
          'Idempotent-Replayed': { description: 'Always true', schema: { type: 'string', const: 'true' } },
        }),
      },
      problems: ['validation', 'malformed', 'payload_too_large', 'unsupported_media', 'idempotency_mismatch'],
    },
    async handle(req, res) {
      const document = await readJobDocument(api, req);
      await submitJob(api, req, res, {
        plan: () => planJob(document, api.catalog, api.planning, Date.now()),
        fingerprint: document,
      });
    },
  };
}
