import type { ServiceJobStatus } from '../contract/connector.ts';
import type { PromptPlace } from './find-prompt.ts';
import { judge } from './judge-history.ts';

/** What has become of a prompt, in the words of the guide. @param place `unknown` when the server does not have it */
export function statusOfPrompt(serviceJobId: string, place: PromptPlace): ServiceJobStatus {
  const about = (status: ServiceJobStatus['status'], errorMessage?: string): ServiceJobStatus => ({
    serviceJobId,
    status,
    canReconnect: status !== 'unknown',
    canCancel: status === 'pending' || status === 'running',
    errorMessage,
  });
  if (place.state !== 'finished') return about(place.state);
  const verdict = judge(place.entry);
  if (verdict.kind === 'done') return about('completed');
  return verdict.kind === 'interrupted' ? about('cancelled') : about('failed', verdict.error.exception_message?.trim());
}
