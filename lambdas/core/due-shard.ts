/** Over how many partitions of a due-time index the rows are spread. */
export const DUE_SHARDS = 8;

/** The shard of a row by its id: our ids end in random characters, so any mix of them spreads evenly. */
export function dueShard(id: string): number {
  let sum = 0;
  for (let i = 0; i < id.length; i++) sum += id.charCodeAt(i);
  return sum % DUE_SHARDS;
}
