/**
 * Runs `task` on every item, at most `limit` at a time, and gives the results in the order of the items.
 * If a task rejects, so does the whole, at once; the tasks that run then go on by themselves, so a task should settle its own errors.
 */
export async function mapBounded<Item, Result>(
  items: readonly Item[],
  limit: number,
  task: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = Array.from({ length: items.length });
  // All workers draw from one iterator, so that each item is taken once.
  const waiting = items.entries();
  const work = async (): Promise<void> => {
    for (const [index, item] of waiting) results[index] = await task(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  return results;
}
