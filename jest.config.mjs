// What somebody keeps in their .env files must not decide how tests end; no such file lies there.
process.env['SWITCHYARD_ENV_DIR'] ??= new URL('./tests', import.meta.url).pathname;

/** Start it through `npm test`, or with NODE_OPTIONS="--experimental-vm-modules --disable-warning=ExperimentalWarning". */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/tests/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.switchyard/'],
  globalSetup: '<rootDir>/tests/setup/global-setup.mjs',
  testTimeout: 120_000,
  maxWorkers: 2,
};
