import type { ShownEabKey } from '../../api/broker-operations.ts'

/** The patterns in one line. */
export function namesText({ names }: Pick<ShownEabKey, 'names'>): string {
  return names.length === 0 ? 'every name' : names.join(' ')
}

/** What somebody who thinks of certificates and not of patterns takes a `*.` for; null where there is none. */
export function starNote({ names }: Pick<ShownEabKey, 'names'>): string | null {
  const star = names.find((name) => /^\*\.[^*]+$/.test(name))
  if (star === undefined) return null
  const bare = star.slice(2)
  return `${star} is every name one label below ${bare}, and the wildcard ${star} itself; not ${bare}, and nothing deeper. All of it is .${bare}`
}
