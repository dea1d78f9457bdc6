/** The stack could not be brought up; the message is fit to print. */
export class StackError extends Error {
  override readonly name = 'StackError';
}
