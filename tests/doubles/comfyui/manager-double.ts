import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';

export interface ManagerOptions {
  /** `absent`: a ComfyUI without it. `old`: takes the bare address. `json`: takes `{url}`. `registry`: no git addresses. */
  kind?: 'absent' | 'old' | 'json' | 'registry';
  prefix?: '' | '/v2';
  /** 403, as where git addresses are not allowed. */
  forbids?: boolean;
}

/** ComfyUI-Manager's routes for installing from git addresses, beside nothing else of ComfyUI. */
export async function managerDouble({ kind = 'json', prefix = '', forbids = false }: ManagerOptions = {}) {
  const installed: Record<string, { ver: string; enabled: boolean }> = {};
  const asked: string[] = [];
  const server = createServer((request, response) => void serve(request, response));

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const answer = (status: number, content = '') => response.writeHead(status).end(content);
    if (kind === 'absent') return void answer(404);
    if (request.url === `${prefix}/customnode/installed`) return void answer(200, JSON.stringify(installed));
    if (kind === 'registry' || request.url !== `${prefix}/customnode/install/git_url`) return void answer(405);
    if (forbids) return void answer(403);
    const url = kind === 'old' ? body : (JSON.parse(body.startsWith('{') ? body : '{}') as { url?: string }).url;
    if (!url?.startsWith('https://')) return void answer(400);
    asked.push(url);
    if (url.includes('broken')) return void answer(400);
    const [, name = '', ref = 'f'.repeat(40)] = /([^/@]+?)(?:\.git)?(?:@(.+))?$/.exec(url) ?? [];
    installed[name] ??= { ver: ref, enabled: true };
    answer(200);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    installed,
    /** What it was told to install, in order. */
    asked,
    stop: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
