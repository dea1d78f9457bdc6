import { describe, expect, test } from '@jest/globals';
import type { ApiGraph } from '../../../connectors/comfyui/api-graph.ts';
import { GraphProgress } from '../../../connectors/comfyui/graph-progress.ts';

const graph: ApiGraph = {
  '1': { class_type: 'CheckpointLoaderSimple', inputs: {} },
  '2': { class_type: 'KSampler', inputs: { model: ['1', 0], steps: 20 }, _meta: { title: 'Sampling' } },
  '3': { class_type: 'VAEDecode', inputs: { samples: ['2', 0] } },
  '4': { class_type: 'SaveImage', inputs: { images: ['3', 0] } },
};

describe('progress over a graph', () => {
  test('weighs a sampler by its steps, and other nodes as one', () => {
    const progress = new GraphProgress(graph, Object.keys(graph));
    expect(progress.view().share).toBe(0);
    progress.take({ type: 'executing', node: '2' });
    progress.take({ type: 'progress', node: '2', value: 10, max: 20 });
    // 10.5 of 24: the sampler weighs 21, it is half done.
    expect(progress.view()).toMatchObject({
      share: expect.closeTo(10.5 / 24),
      step: 'Sampling (KSampler, node 2)',
      message: 'Sampling (KSampler, node 2): step 10 of 20; 0 of 4 nodes done',
    });
  });

  test('cached nodes count as done', () => {
    const progress = new GraphProgress(graph, Object.keys(graph));
    progress.take({ type: 'cached', nodes: ['1', '2', '3'] });
    expect(progress.view().share).toBeCloseTo(23 / 24);
  });

  test('never falls when a node starts over or another one begins, and is 1 at the end only', () => {
    const progress = new GraphProgress(graph, Object.keys(graph));
    const shares: number[] = [];
    const take = (value: number, finished = false) => {
      progress.take({ type: 'nodes', nodes: new Map([['2', { value, max: 20, finished }]]) });
      shares.push(progress.view().share);
    };
    for (const value of [5, 19, 20, 1, 7]) take(value);
    take(20, true);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.at(-1)).toBeLessThan(1);
    for (const node of ['1', '3', '4']) progress.take({ type: 'executed', node, output: {} });
    expect(progress.view().share).toBe(1);
  });

  test('takes odd numbers of odd nodes for what they are', () => {
    const progress = new GraphProgress(graph, Object.keys(graph));
    progress.take({ type: 'progress', node: '2', value: 1.19e-6, max: 3 });
    expect(progress.view().message).not.toMatch(/step/);
    progress.take({ type: 'progress', node: '2', value: 9, max: 3 });
    progress.take({ type: 'progress', node: '3', value: 0, max: 0 });
    progress.take({ type: 'progress', node: '99', value: 1, max: 1 });
    const { share } = progress.view();
    expect(share).toBeGreaterThan(0.8);
    expect(share).toBeLessThan(1);
  });

  test('a graph of ten thousand nodes', () => {
    const large: ApiGraph = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [`${index}`, { class_type: 'Node', inputs: {} }]),
    );
    const progress = new GraphProgress(large, Object.keys(large));
    progress.take({ type: 'cached', nodes: Object.keys(large).slice(0, 5_000) });
    expect(progress.view().share).toBeCloseTo(0.5);
  });
});
