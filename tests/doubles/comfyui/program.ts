import { ComfyDouble } from './comfy-double.ts';

/** The double as a program of its own: by way of compileProgram: `node program.js --port 8188`. Other options are passed over. */
const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
const double = await ComfyDouble.start({ port });
process.stdout.write(`To see the GUI go to: ${double.url}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0));
