import { describe, expect, test } from '@jest/globals';
import { chooseFiles, readOutputs } from '../../../connectors/comfyui/collect-outputs.ts';
import { readHistory, readQueue } from '../../../connectors/comfyui/documents.ts';
import { judge } from '../../../connectors/comfyui/judge-history.ts';
import { readNodeInfo } from '../../../connectors/comfyui/object-info.ts';
import { promptIdOf } from '../../../connectors/comfyui/prompt-id.ts';
import { readBinaryFrame, readTextFrame } from '../../../connectors/comfyui/socket-messages.ts';

const read = (type: string, data: object) => readTextFrame(JSON.stringify({ type, data }), 'mine');

describe('frames of the socket', () => {
  test('messages of other prompts, and strange ones, are nobody’s', () => {
    expect(read('progress', { value: 1, max: 2, node: '3', prompt_id: 'other' })).toBeUndefined();
    expect(read('progress', { value: 1, max: 2, node: '3' })).toBeUndefined();
    expect(read('status', { status: { exec_info: { queue_remaining: 1 } }, sid: 'x' })).toBeUndefined();
    expect(read('crystools.monitor', { prompt_id: 'mine' })).toBeUndefined();
    for (const text of ['', '{', '[]', 'null', '{"type":"executing"}', '{"type":"executing","data":7}']) {
      expect(readTextFrame(text, 'mine')).toBeUndefined();
    }
  });

  test('the end of a prompt, and the node that a reconnect tells', () => {
    expect(read('executing', { node: null, prompt_id: 'mine' })).toEqual({ type: 'executing', node: undefined });
    expect(read('executing', { node: null, prompt_id: 'other' })).toBeUndefined();
    expect(read('executing', { node: '7' })).toEqual({ type: 'executing', node: '7' });
  });

  test('a blocked branch is no failure', () => {
    expect(read('execution_error', { prompt_id: 'mine', exception_type: 'ExecutionBlocked' })).toBeUndefined();
    expect(read('execution_error', { prompt_id: 'mine', exception_type: 'ValueError' })).toMatchObject({
      type: 'error',
    });
  });

  test('nodes inside an expanded node are its parent’s', () => {
    const state = (id: string, parent: string | null) => ({
      value: 1,
      max: 2,
      state: 'running',
      node_id: id,
      parent_node_id: parent,
    });
    const event = read('progress_state', {
      prompt_id: 'mine',
      nodes: { '8': state('8', null), '8.0.0.1': state('8.0.0.1', '8') },
    });
    expect(event).toEqual({ type: 'nodes', nodes: new Map([['8', { value: 1, max: 2, finished: false }]]) });
  });

  test('pictures with and without their node, texts, and broken frames', () => {
    const uint32 = (value: number) => Buffer.from([0, 0, 0, value]);
    const meta = (fields: object) => Buffer.from(JSON.stringify(fields));
    const named = (fields: object) =>
      Buffer.concat([uint32(4), uint32(meta(fields).length), meta(fields), Buffer.from('px')]);
    expect(readBinaryFrame(Buffer.concat([uint32(1), uint32(2), Buffer.from('px')]), 'mine')).toEqual({
      type: 'picture',
      node: undefined,
      mime: 'image/png',
      bytes: Buffer.from('px'),
    });
    expect(readBinaryFrame(named({ prompt_id: 'mine', node_id: '4', image_type: 'image/jpeg' }), 'mine')).toEqual({
      type: 'picture',
      node: '4',
      mime: 'image/jpeg',
      bytes: Buffer.from('px'),
    });
    expect(readBinaryFrame(named({ prompt_id: 'other', node_id: '4' }), 'mine')).toBeUndefined();
    expect(readBinaryFrame(Buffer.concat([uint32(3), uint32(1), Buffer.from('5hello')]), 'mine')).toEqual({
      type: 'text',
      node: '5',
      text: 'hello',
    });
    for (const bytes of [
      [],
      [0, 0, 0, 4],
      [0, 0, 0, 4, 255, 255, 255, 255, 1],
      [0, 0, 0, 2, 0, 0, 0, 1, 9],
      [0, 0, 0, 4, 0, 0, 0, 1, 123],
    ]) {
      expect(readBinaryFrame(Buffer.from(bytes), 'mine')).toBeUndefined();
    }
  });
});

describe('documents of the server', () => {
  test('whatever has a file name and a type is a file, whatever it is called', () => {
    const outputs = {
      '1': { images: [{ filename: 'a.png', subfolder: 'x', type: 'output' }], animated: [true] },
      '2': {
        gifs: [{ filename: 'b.mp4', subfolder: '', type: 'temp', format: 'video/h264', frame_rate: 8, fullpath: '/x' }],
      },
      '3': {
        text: ['one', 'two'],
        result: ['3d/c.glb', { camera: 1 }],
        '3d': [{ filename: 'c.glb', subfolder: '3d', type: 'output' }],
      },
      '4': {
        images: [{ filename: 'mask.png', subfolder: 'clipspace', type: 'input' }],
        odd: [null, 7, {}, { filename: 3 }],
      },
    };
    const { files, texts } = readOutputs(outputs);
    expect(files.map(({ filename }) => filename)).toEqual(['a.png', 'b.mp4', 'c.glb', 'mask.png']);
    expect(texts).toEqual({ '3': ['one', 'two'] });
    const names = (collect: 'auto' | 'output' | 'all') =>
      chooseFiles([...files, files[0]!], collect).map(({ filename }) => filename);
    expect(names('auto')).toEqual(['a.png', 'c.glb']);
    expect(names('all')).toEqual(['a.png', 'b.mp4', 'c.glb']);
    expect(chooseFiles(files.slice(1, 2), 'auto')).toHaveLength(1);
    expect(chooseFiles(files.slice(1, 2), 'output')).toHaveLength(0);
  });

  test('the messages of a history entry decide, not its status', () => {
    const entry = (status_str: string, ...messages: [string, Record<string, unknown>][]) => ({
      outputs: {},
      status: { status_str, completed: status_str === 'success', messages },
    });
    const error = { exception_type: 'DependencyCycleError' };
    expect(judge(entry('success', ['execution_error', error]))).toEqual({ kind: 'failed', error });
    expect(judge(entry('error', ['execution_interrupted', {}]))).toEqual({ kind: 'interrupted' });
    expect(judge(entry('success', ['execution_success', {}])).kind).toBe('done');
    expect(judge(entry('error')).kind).toBe('failed');
    expect(judge({ outputs: { '1': {} } }).kind).toBe('done');
  });

  test('what is odd counts as absent', () => {
    expect(readQueue({ queue_running: [[1, 'a'], 'odd', []], queue_pending: null })).toEqual({
      running: [[1, 'a']],
      pending: [],
    });
    expect(readQueue('text')).toEqual({ running: [], pending: [] });
    expect(readHistory({}, 'a')).toBeUndefined();
    expect(readHistory({ a: { outputs: [], status: null } }, 'a')).toEqual({
      outputs: {},
      status: {},
      prompt: undefined,
    });
  });

  test('both ways of writing a choice, and the ways of saying upload', () => {
    const info = readNodeInfo({
      input: {
        required: { a: [['x', 'y'], {}], b: ['COMBO', { options: ['z'] }], c: ['INT', { min: 1, max: 3 }] },
        optional: { d: [[], { image_upload: true }], e: ['COMBO', { video_upload: true, options: [] }], f: ['STRING'] },
      },
      output: ['IMAGE', 'MASK'],
      output_node: true,
    });
    expect(info).toMatchObject({ outputs: 2, outputNode: true });
    expect(Object.fromEntries(info!.inputs)).toMatchObject({
      a: { type: 'COMBO', options: ['x', 'y'], upload: false },
      b: { type: 'COMBO', options: ['z'] },
      c: { type: 'INT', min: 1, max: 3 },
      d: { upload: true },
      e: { upload: true },
      f: { type: 'STRING', options: undefined, upload: false },
    });
  });

  test('prompt ids are canonical UUIDs, the same for a job and another for each run', () => {
    expect(promptIdOf('job/1', 0)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(promptIdOf('job/1', 0)).toBe(promptIdOf('job/1', 0));
    expect(new Set([promptIdOf('job/1', 0), promptIdOf('job/1', 1), promptIdOf('job/2', 0)]).size).toBe(3);
  });
});
