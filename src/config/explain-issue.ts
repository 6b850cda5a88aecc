/** Turns what the schema found into what a person needs: what is wrong and what to write instead. */
import type { z } from 'zod'
import type { Complaint, KeyPath } from './config-error.ts'
import { CONFIG_KEYS, type KeyInfo, type SchemaKeys } from './keys.ts'
import { PRESETS } from './presets.ts'
import { type RemovedKeys, removedKey } from './removed-keys.ts'

type Issue = z.core.$ZodIssue

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'must be text',
  number: 'must be a number',
  int: 'must be a whole number',
  object: 'must be a mapping of keys to values',
  record: 'must be a mapping of names to entries',
  array: 'must be a list',
}

/** `written` is the value the schema was given, to tell a missing key from a wrong one. */
export function explainIssue(
  issue: Issue,
  written: unknown,
  removed: RemovedKeys,
  keys: SchemaKeys = CONFIG_KEYS,
): Complaint[] {
  const path = asWritten(
    issue.path.map((step) => (typeof step === 'number' ? step : String(step))),
    written,
  )
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((name) => unknownKey(path, name, removed, keys))
    case 'invalid_union':
      return explainUnion(issue, written, removed, keys)
    case 'invalid_key':
      return [
        { path, at: 'key', message: `the name ${issue.issues[0]?.message ?? 'is refused'}`, instead: null },
      ]
    case 'invalid_type':
      return [wrongType(path, issue.expected, written, keys)]
    case 'invalid_value':
      return [wrongValue(path, issue.values, written, keys)]
    default:
      return [{ path, at: 'value', message: issue.message, instead: sample(path, keys) }]
  }
}

/** One value that stands for a list of one has no place of its own in it. */
function asWritten(path: KeyPath, written: unknown): KeyPath {
  const parent = valueAt(written, path.slice(0, -1))
  const standsAlone = path.at(-1) === 0 && parent !== undefined && parent !== null && !Array.isArray(parent)
  return standsAlone ? path.slice(0, -1) : path
}

function unknownKey(parent: KeyPath, name: string, removed: RemovedKeys, keys: SchemaKeys): Complaint {
  const path = [...parent, name]
  const gone = removedKey(path, removed)
  if (gone !== undefined) return { path, at: 'key', message: 'this key was removed', instead: gone }
  const near = keys.nearest(parent, name)
  const known = [...(keys.info(parent)?.members.keys() ?? [])].join(', ')
  const instead = near === undefined ? `Known here: ${known}` : `Did you mean ${near}?`
  return { path, at: 'key', message: 'unknown key', instead }
}

function explainUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  written: unknown,
  removed: RemovedKeys,
  keys: SchemaKeys,
): Complaint[] {
  const deepest = issue.errors.find((branch) =>
    branch.every((inner) => !(inner.code === 'invalid_type' && inner.path.length === 0)),
  )
  const chosen = deepest ?? issue.errors[0] ?? []
  const complaints = chosen.flatMap((inner) =>
    explainIssue({ ...inner, path: [...issue.path, ...inner.path] } as Issue, written, removed, keys),
  )
  return complaints.length > 0
    ? complaints
    : [{ path: issue.path.map(String), at: 'value', message: issue.message, instead: null }]
}

function wrongType(path: KeyPath, expected: string, written: unknown, keys: SchemaKeys): Complaint {
  const value = valueAt(written, path)
  if (value === undefined) return missing(path, written, keys)
  if (value === null) return { path, at: 'key', message: 'has no value', instead: sample(path, keys) }
  return {
    path,
    at: 'value',
    message: EXPECTED[expected] ?? `must be ${expected}`,
    instead: sample(path, keys),
  }
}

function wrongValue(
  path: KeyPath,
  values: readonly unknown[],
  written: unknown,
  keys: SchemaKeys,
): Complaint {
  if (valueAt(written, path) === undefined) return missing(path, written, keys)
  const message = values.length === 1 ? `must be ${String(values[0])}` : `must be one of ${values.join(', ')}`
  return { path, at: 'value', message, instead: null }
}

function missing(path: KeyPath, written: unknown, keys: SchemaKeys): Complaint {
  if (path.length === 3 && path[0] === 'cas' && path[2] === 'directory') {
    const preset = valueAt(written, [...path.slice(0, 2), 'preset'])
    const note = preset === 'step-ca' ? ` ${PRESETS['step-ca'].note}` : ''
    return {
      path,
      at: 'key',
      message: 'is missing',
      instead: `Write ${write('directory', keys.info(path))} or a preset that has one.${note}`,
    }
  }
  return { path, at: 'key', message: 'is missing', instead: sample(path, keys) }
}

function sample(path: KeyPath, keys: SchemaKeys): string | null {
  const info = keys.info(path)
  const name = path.at(-1)
  if (info === undefined || name === undefined || (info.default ?? info.example) === undefined) {
    return info?.description === undefined ? null : info.description
  }
  if (info.kind === 'mapping' || info.kind === 'named') return info.description ?? null
  return `Write for example ${write(typeof name === 'number' ? '-' : `${name}:`, info)}`
}

function write(name: string, info: KeyInfo | undefined): string {
  const value = info?.example ?? info?.default
  const text = Array.isArray(value) ? `[${value.map(quoted).join(', ')}]` : quoted(value)
  return `${name === 'directory' ? 'directory:' : name} ${text}`
}

/** In quotes where YAML would read something else: an alias, a block, a reserved character. */
function quoted(value: unknown): string {
  const text = String(value)
  return typeof value === 'string' && /^[*&!|>%@`]/.test(text) ? `'${text}'` : text
}

function valueAt(written: unknown, path: KeyPath): unknown {
  let value = written
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string | number, unknown>)[step]
  }
  return value
}
