const UNSET =
  '  - unset SWITCHYARD_TEMPORAL_BINARY: as long as it is set nothing else is looked for, downloaded or built';

/** No `temporal` program could be found or made; the message names all ways out. */
export class NoTemporalBinaryError extends Error {
  override readonly name = 'NoTemporalBinaryError';
  /** What was tried, and why each did not do. */
  readonly tried: readonly string[];
  /** @param configured somebody named the program, so nothing else was tried */
  constructor(tried: readonly string[], configured = false) {
    super(
      [
        'Switchyard needs a Temporal server and found none. What was tried:',
        ...tried.map((line) => `  - ${line}`),
        'Any one of these helps:',
        ...(configured ? [UNSET] : []),
        '  - install the Temporal CLI, so that `temporal` is on PATH: https://docs.temporal.io/cli',
        '    (brew install temporal; or the archive for your system from https://github.com/temporalio/cli/releases)',
        `  - set SWITCHYARD_TEMPORAL_BINARY to the path of ${configured ? 'another' : 'a'} \`temporal\` program`,
        '  - set TEMPORAL_ADDRESS to host:port of a Temporal that already runs',
        '  - install Go 1.26.4 or newer (https://go.dev/dl), or Python 3 with pip: then it is built here',
        '  - behind a proxy: set HTTPS_PROXY, and for the build GOPROXY, then try again',
      ].join('\n'),
    );
    this.tried = tried;
  }
}
