import { resolve } from 'node:path'
import { type KeyInfo, ROOT_KEY } from './keys.ts'
import type { Config } from './schema.ts'

/** The configuration with every path made absolute from the folder of its file. */
export function resolvePaths(config: Config, folder: string): Config {
  return walk(config, ROOT_KEY, folder) as Config
}

function walk(value: unknown, info: KeyInfo | undefined, folder: string): unknown {
  if (info === undefined || value === undefined) return value
  if (info.isPath) return resolve(folder, String(value))
  if (Array.isArray(value)) return value.map((item) => walk(item, info.members.get('*'), folder))
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([name, member]) => [
    name,
    walk(member, info.members.get(name) ?? info.members.get('*'), folder),
  ])
  return Object.fromEntries(members)
}
