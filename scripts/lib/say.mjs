/** Set-up talks on stderr, so that what a command prints on stdout stays clean for scripts. */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * Runs a long step and shows that it goes on: a running counter on a terminal, plain lines otherwise.
 * @template T
 * @param {string} what e.g. "Installing packages (npm ci)"
 * @param {string} howLong e.g. "about 10 s; up to a few minutes on a slow line"
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(what, howLong, work) {
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const line = `${what} - ${howLong}`;
  const live = Boolean(process.stderr.isTTY);
  if (!live) say(`${line} ...`);
  const draw = () =>
    live ? process.stderr.write(`\r\x1b[2K${line} ... ${seconds()} s`) : say(`  still at it, ${seconds()} s`);
  if (live) draw();
  const timer = setInterval(draw, live ? 1_000 : 30_000);
  try {
    const result = await work();
    clearInterval(timer);
    if (live) process.stderr.write('\r\x1b[2K');
    say(`${live ? what : '  done'}${live ? ': done' : ''} in ${seconds()} s`);
    return result;
  } catch (error) {
    clearInterval(timer);
    if (live) process.stderr.write('\n');
    throw error;
  }
}
