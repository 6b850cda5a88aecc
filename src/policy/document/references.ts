import { closest } from '../../config/keys.ts'

/** `@name` stands for the list of that name. */
export function listName(entry: string): string | null {
  return entry.startsWith('@') ? entry.slice(1) : null
}

/** What to write instead of a name that nothing has. */
export function nearestName(name: string, known: readonly string[], where: string): string {
  const near = closest(name.slice(0, 64), known)
  if (near !== undefined) return `Did you mean ${near}?`
  return known.length === 0
    ? `There are none yet: add it under ${where}`
    : `Known: ${known.slice(0, 10).join(', ')}`
}
