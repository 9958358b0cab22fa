/** The value below which `share` (0 to 1) of the values lie, by the nearest rank; NaN of no values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? NaN : (low + high) / 2;
}

/** Median, least and 90th percentile, as the tables of CPU times show them. */
export function spread(values: readonly number[]): readonly number[] {
  return [median(values), Math.min(...values), percentile(values, 0.9)];
}
