import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { Request, Response } from 'express';
import type { ArtifactRef } from '../../contract/artifact.ts';
import type { ApiContext } from '../context.ts';
import { byteRange } from '../http/byte-range.ts';
import { contentDisposition } from '../http/content-disposition.ts';
import { HttpProblem } from '../http/http-problem.ts';
import { readQuery } from '../http/read-query.ts';
import { json, ref } from '../openapi/operation.ts';
import type { Route } from '../route.ts';
import { findJob } from './find-job.ts';

export function getArtifacts(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/jobs/:id/artifacts',
    operation: {
      id: 'listArtifacts',
      tag: 'artifacts',
      summary: "List a job's outputs",
      answers: {
        200: json('In the order a viewer should show; empty until the job has completed', ref('ArtifactList')),
      },
      problems: ['not_found'],
    },
    async handle(req, res) {
      res.json({ artifacts: (await findJob(api, req)).view.artifacts });
    },
  };
}

export function getArtifact(api: ApiContext): Route {
  return {
    method: 'get',
    path: '/jobs/:id/artifacts/:name',
    operation: {
      id: 'readArtifact',
      tag: 'artifacts',
      summary: 'Fetch an output',
      description:
        'Pictures, video, sound and PDF are shown in place, everything else is offered for saving. The ETag is the ' +
        'SHA-256 of the content, which never changes.',
      parameters: [
        {
          name: 'download',
          in: 'query',
          description: 'Offer it for saving whatever it is',
          schema: { type: 'string', enum: ['true', 'false'] },
        },
        {
          name: 'Range',
          in: 'header',
          description: 'One range of bytes',
          schema: { type: 'string' },
          example: 'bytes=0-99',
        },
        { name: 'If-None-Match', in: 'header', description: 'An ETag that is at hand', schema: { type: 'string' } },
      ],
      answers: {
        200: {
          description: 'The content',
          content: { '*/*': { schema: { type: 'string', contentMediaType: 'application/octet-stream' } } },
          headers: { ETag: { description: 'SHA-256 of the content', schema: { type: 'string' } } },
        },
        206: {
          description: 'The part that was asked for',
          content: { '*/*': { schema: { type: 'string', contentMediaType: 'application/octet-stream' } } },
          headers: { 'Content-Range': { description: 'Which part', schema: { type: 'string' } } },
        },
        304: { description: 'What is at hand is still right' },
        416: {
          description: 'The range lies outside',
          content: { 'application/problem+json': { schema: ref('Problem') } },
        },
      },
      problems: ['not_found', 'validation'],
    },
    async handle(req, res) {
      const query = readQuery(req, z.strictObject({ download: z.enum(['true', 'false']).optional() }));
      const { view } = await findJob(api, req);
      const name = String(req.params['name']);
      const artifact = view.artifacts.find((one) => one.name === name);
      if (!artifact) throw noArtifact(name, view.artifacts);
      await send(api, artifact, req, res, query.download === 'true');
    },
  };
}

function noArtifact(name: string, all: ArtifactRef[]): HttpProblem {
  const names = all.map((one) => one.name).join(', ');
  return new HttpProblem(
    'not_found',
    `The job has no artifact ${JSON.stringify(name.slice(0, 100))}; ${names ? `it has: ${names}` : 'it has none, or has not completed'}`,
  );
}

async function send(
  api: ApiContext,
  artifact: ArtifactRef,
  req: Request,
  res: Response,
  download: boolean,
): Promise<void> {
  const etag = `"${artifact.sha256}"`;
  res.setHeader('ETag', etag);
  res.setHeader('Cache-Control', 'private, max-age=31536000, immutable');
  if (matchesTag(req.headers['if-none-match'], etag)) {
    res.status(304).end();
    return;
  }
  // A part of another version must not be put together with this one.
  const asked = req.method === 'GET' && ifRange(req.headers['if-range'], etag) ? req.headers.range : undefined;
  const range = byteRange(asked, artifact.bytes);
  const content = req.method === 'HEAD' ? undefined : await api.artifacts.read(artifact.uri, range);
  if (!content && (req.method !== 'HEAD' || !(await api.artifacts.stat(artifact.uri)))) {
    throw new HttpProblem('not_found', `The content of ${artifact.name} has been removed: its retention has ended`);
  }
  res.status(range ? 206 : 200);
  res.setHeader('Accept-Ranges', 'bytes');
  res.setHeader('Content-Type', artifact.mime);
  res.setHeader('Content-Length', range ? range.end - range.start + 1 : artifact.bytes);
  res.setHeader('Content-Disposition', contentDisposition(artifact.name, artifact.mime, download));
  if (range) res.setHeader('Content-Range', `bytes ${range.start}-${range.end}/${artifact.bytes}`);
  if (!content) {
    res.end();
    return;
  }
  try {
    await pipeline(content, res);
  } catch (error) {
    // A client that hangs up is no fault; a file that breaks off shows in the connection, cut before its length.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

function matchesTag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

function ifRange(header: string | string[] | undefined, etag: string): boolean {
  return header === undefined || header === etag;
}
