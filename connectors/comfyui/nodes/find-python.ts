import { access } from 'node:fs/promises';
import { join } from 'node:path';

/** Where installations of ComfyUI keep their Python: virtual environments, the portable Windows build. */
const PLACES = [
  'venv/bin/python',
  '.venv/bin/python',
  'venv/Scripts/python.exe',
  '.venv/Scripts/python.exe',
  '../venv/bin/python',
  '../python_embeded/python.exe',
];

/** The Python that a ComfyUI folder runs on; `python3` when the folder has none of its own. */
export async function findPython(dir: string): Promise<string> {
  for (const place of PLACES) {
    const path = join(dir, ...place.split('/'));
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return 'python3';
}
