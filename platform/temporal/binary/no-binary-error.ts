/** No `temporal` program could be found or made; the message names all ways out. */
export class NoTemporalBinaryError extends Error {
  override readonly name = 'NoTemporalBinaryError';
  /** What was tried, and why each did not do. */
  readonly tried: readonly string[];
  constructor(tried: readonly string[]) {
    super(
      [
        'Switchyard needs a Temporal server and found none. What was tried:',
        ...tried.map((line) => `  - ${line}`),
        'Any one of these helps:',
        '  - install the Temporal CLI, so that `temporal` is on PATH: https://docs.temporal.io/cli',
        '    (brew install temporal; or the archive for your system from https://github.com/temporalio/cli/releases)',
        '  - set SWITCHYARD_TEMPORAL_BINARY to the path of a `temporal` program',
        '  - set TEMPORAL_ADDRESS to host:port of a Temporal that already runs',
        '  - install Go 1.26.4 or newer (https://go.dev/dl), or Python 3 with pip: then it is built here',
        '  - behind a proxy: set HTTPS_PROXY, and for the build GOPROXY, then try again',
      ].join('\n'),
    );
    this.tried = tried;
  }
}
