/**
 * Once per jest run, before any test file: dist/ and the workflow bundle match the sources, and there is a `temporal`
 * program. Plain JavaScript, because jest does not transform what an ES module of global set-up imports.
 */
import { build } from '../../scripts/build.mjs';

export default async function setUp() {
  await build();
  // Test files run in processes started after this one changed its environment.
  if (!process.env.SWITCHYARD_TEMPORAL_BINARY) {
    const { streamProgress } = await import('../../dist/platform/processes/progress.js');
    const { findTemporalBinary } = await import('../../dist/platform/temporal/binary/find-binary.js');
    process.env.SWITCHYARD_TEMPORAL_BINARY = (
      await findTemporalBinary({ env: process.env, progress: streamProgress(process.stderr) })
    ).path;
  }
}
