import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { finding, type Finding } from './finding.ts';

const LEAST_NODE = [20, 19] as const;

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_NODE;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return finding('Node.js', 'ok', version);
  return finding(
    'Node.js',
    'fail',
    `${version} is too old`,
    `Install Node.js ${LEAST_NODE.join('.')} or newer (nodejs.org, or nvm install 22).`,
  );
}

/** Whether packages and dist/ are what the lock file and the sources ask for. An image has neither to compare with. */
export async function checkInstallation(root: string): Promise<Finding[]> {
  const scripts = join(root, 'scripts');
  if (!existsSync(join(scripts, 'build.mjs')) || !existsSync(join(root, 'package-lock.json'))) {
    return [finding('Installation', 'ok', 'prebuilt; nothing to compare it with')];
  }
  const load = (file: string): Promise<unknown> => import(pathToFileURL(join(scripts, file)).href);
  const { isInstalled } = (await load('bootstrap.mjs')) as { isInstalled(): boolean };
  const packages = isInstalled()
    ? finding('Packages', 'ok', 'as the lock file says')
    : finding('Packages', 'warn', 'not what package-lock.json asks for', 'npm start installs them; or run npm ci.');
  const { isBuilt } = (await load('build.mjs')) as { isBuilt(): Promise<boolean> };
  const built = (await isBuilt())
    ? finding('Build', 'ok', 'dist/ matches the sources')
    : finding('Build', 'warn', 'dist/ is older than the sources', 'npm start builds it anew; or run npm run build.');
  return [packages, built];
}
