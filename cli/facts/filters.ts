/** Options that every list of facts has; the API says which times it reads. */
export const PERIOD = {
  from: { description: 'From this time on, as 2026-11-22 or 2026-11-22T06:00:00Z', valueHint: 'TIME' },
  to: { description: 'Before this time', valueHint: 'TIME' },
} as const;
