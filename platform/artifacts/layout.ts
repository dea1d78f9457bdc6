import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';

/** Absolute paths with symlinks resolved; the containment checks compare against them. */
export interface Layout {
  root: string;
  jobs: string;
  inputs: string;
  temporary: string;
}

/**
 * Creates what is missing of a store's folders.
 * @throws Error when one of them is a symbolic link
 */
export async function openLayout(root: string): Promise<Layout> {
  await mkdir(root, { recursive: true });
  const real = await realpath(root);
  const [jobs, inputs, temporary] = ['jobs', 'inputs', 'tmp'].map((name) => join(real, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [jobs, inputs, temporary]) {
    await mkdir(folder, { recursive: true });
    if ((await realpath(folder)) !== folder) throw new Error(`${folder} is a symbolic link; it must be a folder`);
  }
  return { root: real, jobs, inputs, temporary };
}
