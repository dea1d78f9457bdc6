import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../platform/project-root.ts';
import { EXIT } from './exit-codes.ts';
import { runCli } from './run-cli.ts';
import { processTerminal } from './terminal.ts';

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // `switchyard jobs | head -1`: the reader has enough, which is no error.
    if (error.code === 'EPIPE') process.exit();
    // A full disk behind `> file`: nothing of ours is at fault, so nothing of ours is to be shown.
    if (stream === process.stdout) process.stderr.write(`error: the output cannot be written: ${error.message}\n`);
    process.exit(EXIT.error);
  });
}

const { version } = JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as { version: string };
process.exitCode = await runCli(process.argv.slice(2), processTerminal(process), version);
