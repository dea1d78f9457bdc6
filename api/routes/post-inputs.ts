import { PassThrough } from 'node:stream';
import type { Request } from 'express';
import { z } from 'zod';
import type { ArtifactRef } from '../../contract/artifact.ts';
import type { ApiContext } from '../context.ts';
import { brokenOff, HttpProblem } from '../http/http-problem.ts';
import { IdleTimer, readMultipart } from '../http/multipart.ts';
import { mediaType, refuseEncoding } from '../http/read-body.ts';
import { readQuery } from '../http/read-query.ts';
import { json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';
import { receiveInput } from './receive-input.ts';
import { UPLOAD_IDLE_MS } from './request-document.ts';

const ANY_CONTENT = { schema: { type: 'string', contentMediaType: 'application/octet-stream' } };

export function postInputs(api: ApiContext): Route {
  return {
    method: 'post',
    path: '/inputs',
    operation: {
      id: 'uploadInput',
      tag: 'artifacts',
      summary: 'Upload an input',
      description:
        'Streams one file to the artifact store, as the raw body or as one file of a form; payloads name it by the ' +
        '`uri` of the answer. The same content twice is one file. It is removed when it has not been used for a time ' +
        '(SWITCHYARD_INPUT_RETENTION).',
      parameters: [
        { name: 'name', in: 'query', description: 'File name for people, with a raw body', schema: { type: 'string' } },
      ],
      body: {
        required: true,
        content: {
          'application/octet-stream': ANY_CONTENT,
          'image/*': ANY_CONTENT,
          'multipart/form-data': {
            schema: { type: 'object', properties: { file: ANY_CONTENT.schema }, required: ['file'] },
          },
        },
      },
      answers: {
        201: json('The reference to put into a payload', ref('Artifact'), {
          Location: { description: 'The reference too', schema: { type: 'string' } },
        }),
      },
      problems: ['validation', 'malformed', 'payload_too_large', 'unsupported_media'],
    },
    async handle(req, res) {
      const { name } = readQuery(req, z.strictObject({ name: z.string().optional() }));
      const isForm = mediaType(req) === 'multipart/form-data';
      const artifact = isForm ? await fromForm(api, req) : await fromBody(api, req, name ?? 'input');
      res.status(201).location(artifact.uri).json(artifact);
    },
  };
}

async function fromForm(api: ApiContext, req: Request): Promise<ArtifactRef> {
  let artifact: ArtifactRef | undefined;
  await readMultipart(
    req,
    { maxFieldBytes: 1_024, maxFiles: 1, idleMs: UPLOAD_IDLE_MS },
    {
      onField: (name) => {
        throw new HttpProblem('malformed', `The part "${name}" has no file name; send one file`);
      },
      onFile: async (_field, content, fileName, mime) => {
        artifact = await receiveInput(api, content, fileName, mime);
      },
    },
  );
  if (!artifact) throw new HttpProblem('malformed', 'The form has no file');
  return artifact;
}

async function fromBody(api: ApiContext, req: Request, name: string): Promise<ArtifactRef> {
  refuseEncoding(req);
  const { maxUploadBytes } = api.config;
  if (Number(req.headers['content-length'] ?? 0) > maxUploadBytes) {
    throw new HttpProblem('payload_too_large', `The file is over the limit of ${maxUploadBytes} bytes`, {
      headers: { Connection: 'close' },
    });
  }
  // Its own stream: giving up must not destroy the connection that the refusal goes out on.
  const body = new PassThrough();
  const giveUp = (error: Error) => void body.destroy(error);
  const idle = new IdleTimer(req, UPLOAD_IDLE_MS);
  idle.onIdle(giveUp);
  req
    .once('error', () => giveUp(brokenOff()))
    .once('close', () => {
      if (!req.complete) giveUp(brokenOff());
    });
  req.pipe(body);
  try {
    return await receiveInput(api, body, name, mediaType(req) || undefined);
  } finally {
    idle.stop();
    req.unpipe(body);
  }
}
