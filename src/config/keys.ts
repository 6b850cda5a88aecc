/** Reads the schema back: which keys there are, what they are for, what they default to. */
import type { z } from 'zod'
import type { KeyPath } from './config-error.ts'
import { configSchema } from './schema.ts'

/** What the schema says of the value at one place. */
export interface KeyInfo {
  /** `*` stands for a name under `cas` and for a position in a list. */
  readonly path: string
  readonly kind: 'mapping' | 'named' | 'list' | 'scalar'
  readonly description: string | undefined
  /** As written in the file; undefined where there is none. */
  readonly default: unknown
  readonly example: unknown
  readonly optional: boolean
  readonly isPath: boolean
  /** Its value is shown nowhere. */
  readonly isSecret: boolean
  /** Members of a mapping by name; for `named` and `list` the one entry `*`. */
  readonly members: ReadonlyMap<string, KeyInfo>
}

interface Definition {
  readonly type: string
  readonly innerType?: z.ZodType
  readonly defaultValue?: unknown
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly valueType?: z.ZodType
  readonly element?: z.ZodType
  readonly options?: readonly z.ZodType[]
  readonly in?: z.ZodType
  readonly out?: z.ZodType
}

/** `seen`: mappings that are being read already, for a schema may hold itself. */
function inspect(schema: z.ZodType, path: string, seen: Map<z.ZodType, KeyInfo>): KeyInfo {
  let current = schema
  let written: unknown
  let optional = false
  let meta: Record<string, unknown> = {}
  for (;;) {
    meta = { ...current.meta(), ...meta }
    const { type, innerType, defaultValue, ...definition } = current._zod.def as unknown as Definition
    const inner = innerType ?? (type === 'pipe' ? writtenSide(definition) : undefined)
    if (inner === undefined) break
    if (type === 'default' || type === 'prefault') written = defaultValue
    if (type === 'optional') optional = true
    current = inner
  }
  const definition = current._zod.def as unknown as Definition
  const known = seen.get(current)
  const members = (known?.members as Map<string, KeyInfo> | undefined) ?? new Map<string, KeyInfo>()
  const info: KeyInfo = {
    path,
    kind: kindOf(definition.type),
    description: meta.description as string | undefined,
    default: written,
    example: meta.example,
    optional,
    isPath: meta.isPath === true,
    isSecret: meta.isSecret === true,
    members,
  }
  if (known !== undefined) return info
  seen.set(current, info)
  for (const [name, member] of Object.entries(definition.shape ?? {})) {
    members.set(name, inspect(member, path === '' ? name : `${path}.${name}`, seen))
  }
  const entry = definition.valueType ?? (definition.type === 'array' ? definition.element : undefined)
  if (entry !== undefined) members.set('*', inspect(entry, `${path}.*`, seen))
  for (const option of definition.options ?? []) {
    for (const [name, member] of inspect(option, path, seen).members) members.set(name, member)
  }
  return info
}

/** Of a codec what the file holds; of a preprocessed value what it is made into. */
function writtenSide(pipe: Pick<Definition, 'in' | 'out'>): z.ZodType | undefined {
  return (pipe.in?._zod.def as Definition | undefined)?.type === 'transform' ? pipe.out : pipe.in
}

function kindOf(type: string): KeyInfo['kind'] {
  if (type === 'object') return 'mapping'
  if (type === 'record') return 'named'
  return type === 'array' ? 'list' : 'scalar'
}

/** What one schema says of its keys. */
export interface SchemaKeys {
  readonly root: KeyInfo
  /** What the schema says of this place; undefined where it knows no such place. */
  info(path: KeyPath): KeyInfo | undefined
  /**
   * The key a person probably meant: a neighbour of the unknown one, else a key of that name elsewhere.
   * Returned as a neighbour's bare name or as the full path of the other; undefined when nothing is near.
   */
  nearest(parent: KeyPath, unknown: string): string | undefined
}

export function schemaKeys(schema: z.ZodType): SchemaKeys {
  const root = inspect(schema, '', new Map())
  const info = (path: KeyPath): KeyInfo | undefined => {
    let found: KeyInfo | undefined = root
    for (const step of path) {
      found = found.members.get(String(step)) ?? found.members.get('*')
      if (found === undefined) return undefined
    }
    return found
  }
  const nearest = (parent: KeyPath, unknown: string): string | undefined => {
    const neighbours = [...(info(parent)?.members.keys() ?? [])].filter((name) => name !== '*')
    const word = unknown.slice(0, 64).toLowerCase().replaceAll('-', '_')
    const near = closest(word, neighbours)
    if (near !== undefined) return near
    const elsewhere = allKeys(root).filter((key) => key.path.split('.').at(-1) === word)
    return elsewhere.length === 1 ? elsewhere[0]!.path.replaceAll('.*', '.<name>') : undefined
  }
  return { root, info, nearest }
}

/** Of the configuration. */
export const CONFIG_KEYS = schemaKeys(configSchema)
export const ROOT_KEY = CONFIG_KEYS.root

/** Every key below, depth first, in the order of the schema; what holds itself once. */
export function allKeys(info: KeyInfo = ROOT_KEY, seen = new Set<KeyInfo['members']>()): KeyInfo[] {
  if (seen.has(info.members)) return []
  seen.add(info.members)
  return [...info.members.values()].flatMap((member) => [member, ...allKeys(member, seen)])
}

/** The one of these words with the least edit distance, if it is near enough to be a slip of the pen. */
export function closest(word: string, words: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of words) {
    const distance = editDistance(word, candidate)
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best
}

/** Optimal string alignment distance: insert, delete, replace, swap two neighbours. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) row[j] = Math.min(row[j]!, before[j - 2]! + 1)
    }
    ;[before, last] = [last, row]
  }
  return last[b.length]!
}
