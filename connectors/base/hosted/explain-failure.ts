import { ConnectorError } from '../../contract/connector-error.ts';
import type { ErrorFacts } from './hosted-api.ts';

/**
 * What is the same for whatever client threw: the network's failures, and answers that are no JSON.
 * @param refusal the vendor's own words; undefined when the error is none of its refusals
 */
export function explainFailure(
  error: unknown,
  facts: ErrorFacts,
  refusal: (error: unknown) => ConnectorError | undefined,
): ConnectorError {
  if (error instanceof ConnectorError) return error;
  if (facts.exchange.failure) return facts.exchange.failure;
  const refused = refusal(error);
  if (refused) return refused;
  const { message, name } = error as Error;
  if (name === 'SyntaxError') {
    const text = `${facts.host} gave an answer that is not JSON: ${message}`;
    return new ConnectorError('backend_error', text, { cause: error });
  }
  return new ConnectorError('internal', facts.hide(message), { cause: error });
}
