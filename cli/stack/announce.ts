import type { StackState } from './find-stack.ts';

/** What a person needs to know of a stack that is up. */
export function describeStack(state: StackState): string {
  const rows: [string, string][] = [
    ['API', state.api_url],
    ['Reference', `${state.api_url}/api/docs`],
    ...(state.temporal_ui_url ? [['Temporal UI', state.temporal_ui_url] as [string, string]] : []),
    [
      'Temporal',
      `${state.temporal_address}, namespace ${state.namespace}${state.temporal_embedded ? '' : ' (not ours)'}`,
    ],
    ['Workers', state.workers.join(', ')],
    ['Data', state.data_dir],
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(12)} ${value}`).join('\n');
}

/**
 * Printed once everything is ready.
 * @param chosen whether the operator chose workers or connectors: then the default job may have nobody
 */
export function announceReady(state: StackState, seconds: number, chosen: boolean): string {
  return [
    '',
    `Switchyard is ready (${seconds.toFixed(1)} s).`,
    '',
    describeStack(state),
    '',
    chosen
      ? '  Try it       npx switchyard services, then npx switchyard services NAME for a job to copy'
      : '  Try it       npx switchyard submit upscale -i image=@examples/harbour.png --set scale=4 --watch',
    '  Stop it      Ctrl-C; the data stay, and unfinished jobs go on at the next start',
    '',
  ].join('\n');
}
