/**
 * Keys that earlier releases knew: path → what to write instead. `*` stands for one name or list position.
 * A removed key is refused by name; it is never read silently in its old sense.
 */
export type RemovedKeys = Readonly<Record<string, string>>

export const REMOVED_KEYS: RemovedKeys = {}

/** The message for a removed key at this path, or undefined. */
export function removedKey(path: readonly (string | number)[], removed: RemovedKeys): string | undefined {
  for (const [pattern, message] of Object.entries(removed)) {
    const steps = pattern.split('.')
    const matches =
      steps.length === path.length && steps.every((step, at) => step === '*' || step === String(path[at]))
    if (matches) return message
  }
  return undefined
}
