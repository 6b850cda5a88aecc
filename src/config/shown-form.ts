import { type KeyInfo, ROOT_KEY } from './keys.ts'
import { type Config, writtenForm } from './schema.ts'

const HIDDEN = '[secret]'

/** The configuration as it would be written in a file, complete, but for what is secret. */
export function shownForm(config: Config): unknown {
  return walk(writtenForm(config), ROOT_KEY)
}

function walk(value: unknown, info: KeyInfo | undefined): unknown {
  if (info === undefined || value === undefined) return value
  if (info.isSecret) return HIDDEN
  if (Array.isArray(value)) return value.map((item) => walk(item, info.members.get('*')))
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([name, member]) => [
    name,
    walk(member, info.members.get(name) ?? info.members.get('*')),
  ])
  return Object.fromEntries(members)
}
