import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { chromium, type Browser } from 'playwright-core';

const decompress = promisify(brotliDecompress);

/**
 * A headless Chromium from npm: nothing to install beside the packages, also where there is no desktop library.
 * Unpacked once per machine (about 3 s), 200 MB in the temporary folder.
 */
export async function launchBrowser(): Promise<Browser> {
  const folder = await unpacked();
  return chromium.launch({
    executablePath: join(folder, 'chromium'),
    // Not the package's own flags: `--single-process` dies under playwright.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    env: {
      ...process.env,
      // The package carries libnss3 and what else a bare machine lacks.
      LD_LIBRARY_PATH: [process.env['LD_LIBRARY_PATH'], join(folder, 'lib')].filter(Boolean).join(':'),
      FONTCONFIG_PATH: join(folder, 'fonts'),
    },
  });
}

async function unpacked(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const root = entry.slice(0, entry.lastIndexOf(join('@sparticuz', 'chromium')) + '@sparticuz/chromium'.length);
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const folder = join(tmpdir(), `switchyard-chromium-${version}`);
  if (await exists(join(folder, 'chromium'))) return folder;
  // Several test files may come here at once: each unpacks into a folder of its own, the first one's stays.
  const draft = await mkdtemp(`${folder}-`);
  const bin = join(root, 'bin');
  const program = await decompress(await readFile(join(bin, 'chromium.br')));
  await writeFile(join(draft, 'chromium'), program, { mode: 0o755 });
  await unpackTar(join(bin, 'al2023.tar.br'), draft);
  await unpackTar(join(bin, 'fonts.tar.br'), draft);
  await mkdir(join(draft, 'fonts'), { recursive: true });
  await writeFile(join(draft, 'fonts', 'fonts.conf'), fontsConf(join(folder, 'fonts')));
  await rename(draft, folder).catch(() => rm(draft, { recursive: true, force: true }));
  return folder;
}

/** Without a font configuration text has no height. */
function fontsConf(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${folder}</dir><dir>/usr/share/fonts</dir><cachedir>${folder}/cache</cachedir></fontconfig>
`;
}

/** Regular files of a plain tar archive (POSIX ustar: 512-byte headers, size in octal at 124). */
async function unpackTar(archive: string, target: string): Promise<void> {
  const bytes = await decompress(await readFile(archive));
  for (let at = 0; at + 512 <= bytes.length; ) {
    const header = bytes.subarray(at, at + 512);
    const name = text(header, 345, 155) + text(header, 0, 100);
    if (name === '') return;
    const size = Number.parseInt(text(header, 124, 12), 8) || 0;
    const type = String.fromCharCode(header[156] ?? 0);
    if ((type === '0' || type === '\0') && !name.includes('..')) {
      await mkdir(dirname(join(target, name)), { recursive: true });
      await writeFile(join(target, name), bytes.subarray(at + 512, at + 512 + size));
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

function text(bytes: Buffer, start: number, length: number): string {
  const field = bytes.subarray(start, start + length);
  const end = field.indexOf(0);
  return field
    .subarray(0, end < 0 ? length : end)
    .toString('utf8')
    .trim();
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
