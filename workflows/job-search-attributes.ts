import {
  defineSearchAttributeKey,
  type ApplicationFailure,
  type SearchAttributePair,
  type SearchAttributeUpdatePair,
} from '@temporalio/common';
import type { Job } from '../contract/job.schema.ts';
import type { FailureDetails } from '../contract/job-error-details.ts';

/** What a CLI-started job could not carry in its start event; one history event. */
export function jobSearchAttributes(job: Job, pool: string, tenant: string): SearchAttributePair[] {
  return [
    { key: defineSearchAttributeKey('SwitchyardService', 'KEYWORD'), value: job.service },
    { key: defineSearchAttributeKey('SwitchyardPool', 'KEYWORD'), value: pool },
    { key: defineSearchAttributeKey('SwitchyardTenant', 'KEYWORD'), value: tenant },
    { key: defineSearchAttributeKey('SwitchyardPriority', 'INT'), value: job.priority },
    ...(job.tags.length > 0
      ? [{ key: defineSearchAttributeKey('SwitchyardTags', 'KEYWORD_LIST'), value: job.tags } as SearchAttributePair]
      : []),
  ];
}

/** None is null: an attribute with an empty list would still be there. */
export function tagsAttribute(tags: string[]): SearchAttributeUpdatePair[] {
  return [{ key: defineSearchAttributeKey('SwitchyardTags', 'KEYWORD_LIST'), value: tags.length > 0 ? tags : null }];
}

/** Lists can only filter by attributes: `timed_out:<code>` tells a time-out from a failure. */
export function errorAttribute(end: ApplicationFailure): SearchAttributePair[] {
  const details = end.details?.[0] as FailureDetails | undefined;
  const value = `${details?.timed_out ? 'timed_out:' : ''}${end.type ?? 'internal'}`;
  return [{ key: defineSearchAttributeKey('SwitchyardError', 'KEYWORD'), value }];
}
