/** Runs over all items in their order, at most so many at once; the results are in that order, too. */
export async function mapAtOnce<T, R>(
  items: readonly T[],
  atOnce: number,
  run: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  // One iterator for all: each takes the next that is left.
  const left = items.entries();
  const worker = async () => {
    for (const [index, item] of left) results[index] = await run(item, index);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}
