import type { ArtifactRef } from '../../contract/artifact.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobContext } from '../contract/job-context.ts';
import { HttpError } from '../http/http-error.ts';
import { streamToOutput } from '../http/stream-to-output.ts';
import type { ComfyClient } from './comfy-client.ts';
import { asRecord, type FileEntry, type NodeOutputs } from './documents.ts';

/** A file among a prompt's outputs. */
export interface OutputFile extends FileEntry {
  node: string;
  /** `images`, `audio`, `gifs`, `3d`, … custom nodes make their own. */
  kind: string;
}

export interface PromptOutputs {
  files: OutputFile[];
  /** Texts by node. */
  texts: Record<string, string[]>;
}

/** Longer texts become files: a result has to fit the job's history. Characters, all together. */
const INLINE_TEXT = 32_768;

/**
 * Everything that the nodes have put out. Videos come under `images`, custom nodes under names of their own: whatever
 * has a file name and a type is a file, whatever the kind is called.
 */
export function readOutputs(outputs: NodeOutputs): PromptOutputs {
  const files: OutputFile[] = [];
  const texts: PromptOutputs['texts'] = {};
  for (const [node, kinds] of Object.entries(outputs)) {
    for (const [kind, values] of Object.entries(kinds)) {
      for (const value of [values].flat()) {
        const file = fileIn(value);
        if (file) files.push({ node, kind, ...file });
        // `result` is what viewers in the editor want: a path that another kind lists as a file.
        else if (typeof value === 'string' && kind !== 'result') (texts[node] ??= []).push(value);
      }
    }
  }
  return { files, texts };
}

function fileIn(value: unknown): FileEntry | undefined {
  const { filename, type, subfolder } = asRecord(value);
  if (typeof filename !== 'string' || typeof type !== 'string' || filename === '') return undefined;
  return { filename, type, subfolder: typeof subfolder === 'string' ? subfolder : '' };
}

/**
 * Which of them become artifacts. What was uploaded is nobody's output.
 * @param collect `auto`: previews only when nothing was saved
 */
export function chooseFiles(files: readonly OutputFile[], collect: 'auto' | 'output' | 'all'): OutputFile[] {
  const once = new Map(files.map((file) => [`${file.type}/${file.subfolder}/${file.filename}`, file]));
  const all = [...once.values()].filter(({ type }) => type !== 'input');
  const saved = all.filter(({ type }) => type === 'output');
  if (collect === 'all') return all;
  return collect === 'output' || saved.length > 0 ? saved : all;
}

/**
 * Streams files into the artifact store, one after another: the server reads them from one disk.
 * @param tag what was put before the names, taken off again
 * @param onFile hears after each
 * @throws StaleOutputError when the server no longer has a file that it names
 */
export async function collectFiles(
  files: readonly OutputFile[],
  client: ComfyClient,
  context: Pick<JobContext, 'writeOutput' | 'signal'>,
  tag: string,
  onFile: (done: number) => void,
): Promise<ArtifactRef[]> {
  const refs: ArtifactRef[] = [];
  for (const file of files) {
    const name = file.filename.startsWith(tag) ? file.filename.slice(tag.length) : file.filename;
    try {
      const response = await client.view(file, context.signal);
      const meta = { node_id: file.node, kind: file.kind };
      refs.push(await streamToOutput(response, context, { name: name || file.filename, meta }));
    } catch (error) {
      if (error instanceof HttpError && error.status === 404 && error.delivery === 'answered')
        throw new StaleOutputError(file, error);
      throw error;
    }
    onFile(refs.length);
  }
  return refs;
}

/** Short texts stay in the result; long ones become artifacts. */
export async function collectTexts(
  texts: PromptOutputs['texts'],
  context: Pick<JobContext, 'writeOutput'>,
): Promise<{ inline: Record<string, string[]>; artifacts: ArtifactRef[] }> {
  const total = Object.values(texts)
    .flat()
    .reduce((sum, text) => sum + text.length, 0);
  if (total <= INLINE_TEXT) return { inline: texts, artifacts: [] };
  const artifacts: ArtifactRef[] = [];
  for (const [node, parts] of Object.entries(texts)) {
    const meta = { node_id: node, kind: 'text' };
    artifacts.push(
      await context.writeOutput(Buffer.from(parts.join('\n')), { name: `text-${node}.txt`, mime: 'text/plain', meta }),
    );
  }
  return { inline: {}, artifacts };
}

/** The server named a file of an earlier run, out of its cache, and somebody has removed it. */
export class StaleOutputError extends ConnectorError {
  constructor({ filename, subfolder }: FileEntry, cause: Error) {
    const path = subfolder ? `${subfolder}/${filename}` : filename;
    super(
      'backend_error',
      `ComfyUI says that it made ${path}, and does not have it: it was removed, or named out of the server's cache. The cache is dropped and the graph runs again`,
      { cause },
    );
  }
}
