import { existsSync, readFileSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { followOutput } from '../../platform/processes/child-output.ts';
import { openRotatingLog } from '../../platform/processes/rotating-log.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

describe('a rotating log', () => {
  test('keeps the newest lines and never takes more than three times its size', () => {
    const path = join(temporaryFolder(), 'logs', 'x.log');
    const log = openRotatingLog(path, 1_000);
    for (let n = 0; n < 500; n++) log.write(`line ${n}`);
    log.close();
    expect(readFileSync(path, 'utf8').trimEnd().split('\n').at(-1)).toBe('line 499');
    const kept = [`${path}.2`, `${path}.1`, path].map((file) => readFileSync(file, 'utf8')).join('');
    const numbers = [...kept.matchAll(/line (\d+)/g)].map((match) => Number(match[1]));
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, n) => 500 - numbers.length + n));
    for (const file of [path, `${path}.1`, `${path}.2`]) expect(statSync(file).size).toBeLessThan(1_100);
    expect(existsSync(`${path}.3`)).toBe(false);
  });

  test('goes on with the file of an earlier run', () => {
    const path = join(temporaryFolder(), 'x.log');
    for (const line of ['one', 'two']) {
      const log = openRotatingLog(path);
      log.write(line);
      log.close();
    }
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
  });
});

describe('what a child process writes', () => {
  async function follow(text: string) {
    const stream = new PassThrough();
    const written: string[] = [];
    const shown: string[] = [];
    const log = { write: (line: string) => void written.push(line), close: () => {} };
    const output = followOutput('child', [stream, null], log, (line) => void shown.push(line));
    stream.end(text);
    await once(stream, 'close');
    return { written, shown, last: output.lastWords() };
  }

  test('all goes to the log as JSON lines; people see warnings and errors', async () => {
    const lines = [
      '{"level":"info","msg":"all is well"}',
      '{"level":"warn","msg":"disk is filling up"}',
      '{"level":"error","msg":"job failed","err":{"message":"out of paper\\nat x"}}',
      'a line that is no JSON',
    ];
    const { written, shown, last } = await follow(`${lines.join('\n')}\n`);
    expect(written.slice(0, 3)).toEqual(lines.slice(0, 3));
    expect(JSON.parse(written[3]!)).toMatchObject({ level: 'info', name: 'child', msg: 'a line that is no JSON' });
    expect(shown).toEqual(['warning: disk is filling up', 'error: job failed - out of paper']);
    expect(last).toEqual(['all is well', ...shown, 'a line that is no JSON']);
  });

  test('the same sentence again and again is shown once', async () => {
    const { written, shown } = await follow('{"level":"warn","msg":"Temporal is away"}\n'.repeat(50));
    expect(written).toHaveLength(50);
    expect(shown).toEqual(['warning: Temporal is away']);
  });
});
