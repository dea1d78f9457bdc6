/** What of the live channel a subscriber wants. */
export const LIVE_CHOICES = ['all', 'tokens', 'previews', 'none'] as const;
export type LiveChoice = (typeof LIVE_CHOICES)[number];
