import { expect, test } from '@jest/globals';
import { runCommand } from './run-command.ts';

test.each([
  [['jobs', 'abc'], '"switchyard jobs abc" is no command', 'Did you mean "switchyard jobs get abc"?'],
  [['instances', 'lst'], '"switchyard instances lst" is no command', 'Did you mean "switchyard instances list"?'],
  [['pools', 'puase'], '"switchyard pools puase" is no command', 'Did you mean "switchyard pools pause"?'],
  [['scale', 'simulat'], '"switchyard scale simulat" is no command', 'Did you mean "switchyard scale simulate"?'],
  [['config', 'zzzzzz'], '"switchyard config zzzzzz" is no command', '"switchyard config --help" lists the commands.'],
])('%j: a word where none belongs', async (args, error, hint) => {
  const ran = await runCommand(args);
  expect(ran).toMatchObject({ code: 2, stdout: '' });
  expect(ran.stderr).toContain(error);
  expect(ran.stderr).toContain(hint);
});
