/**
 * Does it for each, at most so many at a time, and gives the results in their order. The first that fails stops those that
 * have not begun; it rejects with that, once all that have begun are over.
 */
export async function fewAtOnce<Item, Result>(
  most: number,
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length)
  let failed: { readonly error: unknown } | null = null
  let next = 0
  const worker = async () => {
    while (next < items.length && failed === null) {
      const at = next++
      try {
        results[at] = await act(items[at]!)
      } catch (error) {
        failed ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker))
  if (failed !== null) throw (failed as { readonly error: unknown }).error
  return results
}
