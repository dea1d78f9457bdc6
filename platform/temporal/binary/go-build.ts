import { execFile } from 'node:child_process';
import { rename, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { GoToolchain } from './go-toolchain.ts';
import type { ServerModule } from './server-module.ts';

const run = promisify(execFile);

/**
 * Builds the `temporal` program from the module in the checkout. 4-9 minutes and about 2 GB of Go's own caches on two
 * cores with nothing cached, seconds after that.
 * @param target path of the finished program; appears only when it is complete
 * @throws Error with Go's own words
 */
export async function buildBinary(
  module: ServerModule,
  toolchain: GoToolchain,
  target: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const part = `${target}.${process.pid}.part`;
  try {
    await run(
      toolchain.go,
      ['build', '-trimpath', '-ldflags=-s -w', '-o', part, 'github.com/temporalio/cli/cmd/temporal'],
      {
        cwd: module.folder,
        // SQLite is pure Go there, so no C compiler is needed; a workspace of the user's must not mix in.
        env: { ...env, GOTOOLCHAIN: toolchain.toolchain, CGO_ENABLED: '0', GOWORK: 'off', GOOS: '', GOARCH: '' },
        maxBuffer: 64 << 20,
      },
    );
    await rename(part, target);
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').slice(-5).join('\n    ');
    throw new Error(`go build failed: ${said || (error as Error).message}`, { cause: error });
  } finally {
    await rm(part, { force: true });
  }
}
