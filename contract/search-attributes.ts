/**
 * Custom search attributes of a job. SQL visibility holds 10 Keyword, 3 Int and 3 KeywordList attributes; these use
 * 4, 1 and 1. Set in the start event, so that they cost no history event.
 */
export const SEARCH_ATTRIBUTES = {
  SwitchyardService: 'Keyword',
  SwitchyardPool: 'Keyword',
  SwitchyardTenant: 'Keyword',
  /** Error code of a job that did not complete; written on that path only. */
  SwitchyardError: 'Keyword',
  SwitchyardTags: 'KeywordList',
  SwitchyardPriority: 'Int',
} as const;

/** Tenant of everything until keys with tenants exist. */
export const DEFAULT_TENANT = 'default';
