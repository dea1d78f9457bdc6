import { afterEach, describe, expect, test } from '@jest/globals';
import { ComfyUIRemoteConnector } from '../../../connectors/comfyui/connector.ts';
import { type ManagerOptions, managerDouble } from '../../doubles/comfyui/manager-double.ts';

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function manager(options: ManagerOptions = {}) {
  const double = await managerDouble(options);
  const connector = new ComfyUIRemoteConnector('remote', { url: double.url, health_check_interval_seconds: 0 });
  ends.push(
    () => connector.cleanup(),
    () => double.stop(),
  );
  return { double, connector };
}

describe('installing custom nodes through ComfyUI-Manager', () => {
  const dialects: ManagerOptions[] = [{ kind: 'json' }, { kind: 'old' }, { kind: 'json', prefix: '/v2' }];
  test.each(dialects)('one result each, in any dialect: %p', async (dialect) => {
    const { double, connector } = await manager(dialect);
    double.installed['there'] = { ver: 'abcdef0', enabled: true };
    const seen: string[] = [];
    const results = await connector.installCustomNodes(
      [
        'https://git.example.org/a/nodes-a.git',
        { url: 'https://git.example.org/a/nodes-b', ref: 'v1.2' },
        'https://git.example.org/a/broken',
        { url: 'https://git.example.org/a/There', ref: 'abcdef0' },
        { url: 'https://git.example.org/b/there', ref: 'v9', name: 'there-too' },
        'file:///srv/nodes',
      ],
      { onResult: ({ name }) => seen.push(name) },
    );
    expect(results).toMatchObject([
      { name: 'nodes-a', status: 'installed', commit: 'f'.repeat(40) },
      { name: 'nodes-b', status: 'installed', commit: 'v1.2' },
      { name: 'broken', status: 'failed', error: expect.stringMatching(/could not install it/) },
      { name: 'There', status: 'unchanged', commit: 'abcdef0' },
      { name: 'there-too', status: 'failed', error: expect.stringMatching(/names the folder itself/) },
      { name: 'nodes', status: 'failed', error: expect.stringMatching(/https/) },
    ]);
    expect(seen).toEqual(results.map(({ name }) => name));
    const [a, b] = double.asked;
    expect([a, b]).toEqual(['https://git.example.org/a/nodes-a.git', 'https://git.example.org/a/nodes-b@v1.2']);
  });

  test('what stands in the way is said with the way out', async () => {
    const url = 'https://git.example.org/a/nodes-a';
    const absent = await manager({ kind: 'absent' });
    await expect(absent.connector.installCustomNodes([url])).rejects.toMatchObject({
      code: 'missing_node',
      message: expect.stringMatching(/has no ComfyUI-Manager/),
    });
    const forbidding = await manager({ forbids: true });
    expect(await forbidding.connector.installCustomNodes([url])).toMatchObject([
      { status: 'failed', error: expect.stringMatching(/allow_git_url_install = true/) },
    ]);
    const registry = await manager({ kind: 'registry' });
    expect(await registry.connector.installCustomNodes([url])).toMatchObject([
      { status: 'failed', error: expect.stringMatching(/from its registry only/) },
    ]);
    const there = await manager();
    there.double.installed['nodes-a'] = { ver: '1.0.0', enabled: true };
    expect(await there.connector.installCustomNodes([{ url, ref: 'v2' }])).toMatchObject([
      { status: 'failed', error: 'is there already, at 1.0.0; ComfyUI-Manager does not move it to v2' },
    ]);
  });
});
