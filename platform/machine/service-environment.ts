import type { ConfigProblem } from '../config/config-error.ts';

/**
 * Taken from the machine's own environment, when set: enough to find programs and folders, to speak the right language
 * and to reach the driver. Nothing else of it reaches a service: it holds our credentials.
 */
export const INHERITED_VARIABLES = [
  'PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TZ', 'TMPDIR', 'LANG', 'LANGUAGE', 'LC_ALL', 'LC_CTYPE',
  'LD_LIBRARY_PATH', 'CUDA_HOME', 'CUDA_PATH', 'ROCM_PATH', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE',
  'XDG_CACHE_HOME', 'XDG_DATA_HOME', 'XDG_RUNTIME_DIR',
  'SystemRoot', 'SystemDrive', 'ComSpec', 'PATHEXT', 'TEMP', 'TMP', 'APPDATA', 'LOCALAPPDATA', 'USERPROFILE', 'ProgramFiles',
] as const; // biome-ignore format: a list is read as one

/** Variables that make a program run other code than its own, or that decide what others are bound to. */
const REFUSED: readonly [pattern: RegExp, why: string][] = [
  [/^PATH$/i, 'decides which programs run: add folders with path_prepend instead'],
  [/^(LD_|DYLD_)/, 'makes the loader run other code: install what the program needs instead'],
  [/^(GCONV_PATH|GLIBC_TUNABLES|MALLOC_TRACE|LOCPATH|NLSPATH|HOSTALIASES|RESOLV_HOST_CONF)$/, 'changes the C library'],
  [/^(NODE_OPTIONS|NODE_PATH|NODE_REPL_EXTERNAL_MODULE)$/, 'makes Node load other code: put options into command'],
  [/^PYTHON(STARTUP|HOME|PATH|INSPECT|BREAKPOINT|USERBASE|EXECUTABLE)$/, 'makes Python load other code: use a venv'],
  [/^(PERL5OPT|PERL5LIB|PERLLIB|PERL5DB|RUBYOPT|RUBYLIB|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS)$/, 'makes the interpreter load other code: put options into command'],
  [/^(BASH_ENV|ENV|SHELLOPTS|BASHOPTS|IFS|PS4|PROMPT_COMMAND|BASH_FUNC_.*|ZDOTDIR)$/, 'makes a shell run other code'],
  [/^(GIT_SSH|GIT_SSH_COMMAND|GIT_EXEC_PATH|GIT_PROXY_COMMAND|GIT_ASKPASS|GIT_EXTERNAL_DIFF|GIT_CONFIG.*|SSH_ASKPASS|EDITOR|VISUAL|PAGER)$/, 'names a program that others run'],
  [/^(SWITCHYARD_|TEMPORAL_)/, "is Switchyard's own"],
]; // biome-ignore format: a table

/** Set by the binding of a service to its device. */
const BINDING =
  /^(CUDA_VISIBLE_DEVICES|CUDA_DEVICE_ORDER|NVIDIA_VISIBLE_DEVICES|ROCR_VISIBLE_DEVICES|HIP_VISIBLE_DEVICES|GPU_DEVICE_ORDINAL)$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MAX_VALUE = 32_768;

export interface EnvironmentWish {
  /** Set for the service. */
  env: Readonly<Record<string, string>>;
  /** Names of variables that are handed on from the machine's own environment. */
  passEnv: readonly string[];
}

/**
 * What must not be set, each with the reason and the way out. Values are never shown: they may be secrets.
 * @param at key that holds the variables, for the names of problems, e.g. `workers.comfyui.installer_config`
 * @param bound whether a binding decides which devices are seen
 * @param key under `at` that holds them
 */
export function checkEnvironment(
  { env, passEnv }: EnvironmentWish,
  at: string,
  bound: boolean,
  key = 'env',
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const [name, value] of Object.entries(env)) {
    const where = `${at}.${key}.${name}`;
    const problem = nameProblem(name, bound);
    if (problem) problems.push({ name: where, ...problem });
    else if (value.includes('\0')) problems.push({ name: where, problem: 'holds a null character', hint: 'remove it' });
    else if (value.length > MAX_VALUE)
      problems.push({ name: where, problem: `is longer than ${MAX_VALUE} characters`, hint: 'put it into a file' });
  }
  for (const name of passEnv) {
    const problem = nameProblem(name, bound);
    if (problem) problems.push({ name: `${at}.pass_env.${name}`, ...problem });
  }
  return problems;
}

function nameProblem(name: string, bound: boolean): Omit<ConfigProblem, 'name'> | undefined {
  if (!NAME.test(name))
    return { problem: 'is no name of an environment variable', hint: 'letters, digits and "_", no digit first' };
  const refused = REFUSED.find(([pattern]) => pattern.test(name));
  if (refused) return { problem: 'must not be set', hint: `it ${refused[1]}` };
  if (bound && BINDING.test(name))
    return { problem: 'must not be set', hint: 'resource_binding decides which device an instance gets' };
  return undefined;
}

/** The whole environment of a service: the allow-list, what is handed on, what is set; the later wins. */
export function buildEnvironment(
  { env, passEnv }: EnvironmentWish,
  pathPrepend: readonly string[],
  own: NodeJS.ProcessEnv,
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name of [...INHERITED_VARIABLES, ...passEnv]) {
    const value = own[name];
    if (value !== undefined) result[name] = value;
  }
  const separator = process.platform === 'win32' ? ';' : ':';
  if (pathPrepend.length > 0) result['PATH'] = [...pathPrepend, result['PATH'] ?? ''].join(separator);
  return { ...result, ...env };
}
