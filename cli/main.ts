import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../platform/project-root.ts';
import { runCli } from './run-cli.ts';
import { processTerminal } from './terminal.ts';

// `switchyard jobs | head -1`: the reader has enough, which is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
}

const { version } = JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as { version: string };
process.exitCode = await runCli(process.argv.slice(2), processTerminal(process), version);
