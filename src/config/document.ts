/**
 * The YAML text as a value that remembers its lines. Whatever could surprise a reader is refused: tags, more
 * than 100 aliases, keys that are no plain text, several documents (threats of configuration injection).
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  visit,
  type YAMLMap,
} from 'yaml'
import type { KeyPath } from './config-error.ts'
import { NestedTooDeep, type ParsedYaml, parseYaml } from './parse-yaml.ts'

const MOST_ALIASES = 100
const DEEPEST = 32

export interface Position {
  readonly line: number
  readonly column: number
}

/** A refusal of the YAML text itself. */
export interface TextFault extends Position {
  readonly message: string
}

export interface ConfigDocument {
  readonly value: unknown
  /** Environment variables are filled in; each of these is missing. */
  readonly faults: readonly TextFault[]
  /** The place of a key's name or of its value; for a key that is not there, of the nearest one above it. */
  locate(path: KeyPath, at: 'key' | 'value'): Position
  /** The name of the first key. */
  readonly firstKey: string | undefined
}

/**
 * `value` is undefined when there are faults that leave no sense in the text. `env` null: the text takes nothing from
 * the environment, and what looks as if it would is refused. Never throws.
 */
export function readDocument(
  text: string,
  env: Readonly<Record<string, string | undefined>> | null,
): ConfigDocument {
  const unreadable = (message: string, at: Position = { line: 1, column: 1 }): ConfigDocument => ({
    value: undefined,
    faults: [{ ...at, message }],
    locate: () => at,
    firstKey: undefined,
  })
  let parsed: ParsedYaml
  try {
    parsed = parseYaml(text)
  } catch (error) {
    if (error instanceof NestedTooDeep) return unreadable(error.message, positionIn(text, error.offset))
    return unreadable(`is not YAML: ${error instanceof Error ? withoutSource(error.message) : 'unreadable'}`)
  }
  const { document, lines } = parsed
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const offsetOf = offsetsIn(document)
  const locate = (path: KeyPath, at: 'key' | 'value') => positionOf(offsetOf(path, at))
  const faultOf = ({ offset, message }: Refusal) => ({ ...positionOf(offset), message })
  const errors = document.errors.map(({ pos, message }) => ({
    ...positionOf(pos[0]),
    message: `is not YAML: ${withoutSource(message)}`,
  }))
  const faults = errors.length > 0 ? errors : refusals(document).map(faultOf)
  const firstPair = isMap(document.contents) ? document.contents.items[0] : undefined
  const firstKey = isScalar(firstPair?.key) ? String(firstPair.key.value) : undefined
  if (faults.length > 0) return { value: undefined, faults, locate, firstKey }
  const missing = (env === null ? variables(document) : interpolate(document, env)).map(faultOf)
  try {
    return { value: document.toJS({ maxAliasCount: MOST_ALIASES }), faults: missing, locate, firstKey }
  } catch (error) {
    const message = error instanceof ReferenceError ? oneLine(error.message) : 'cannot be read as a value'
    return { value: undefined, faults: [...missing, { line: 1, column: 1, message }], locate, firstKey }
  }
}

interface Refusal {
  readonly offset: number
  readonly message: string
}

/** Most people who write one mean a name with a wildcard. */
function aliasFault(source: string): string {
  return source.startsWith('.') || source.startsWith('*')
    ? `begins with *, which YAML takes for an alias: put it in quotes, '*${source}'`
    : 'an alias must come after its anchor'
}

function refusals(document: Document.Parsed): Refusal[] {
  const found: Refusal[] = []
  const anchors = new Set<string>()
  let aliases = 0
  visit(document, {
    Pair(_, pair) {
      const key = pair.key
      const offset = startOf(key) ?? 0
      if (!isScalar(key) || typeof key.value !== 'string')
        found.push({ offset, message: 'a key must be text' })
      else if (key.value === '__proto__' || key.value === '<<')
        found.push({ offset, message: 'this key is refused' })
    },
    Node(_, node, ancestors) {
      const offset = startOf(node) ?? 0
      if (ancestors.length > DEEPEST * 2) {
        found.push({ offset, message: 'is nested too deep' })
        return visit.BREAK
      }
      if (isMap(node)) refuseTwice(node, found)
      if (isAlias(node)) {
        aliases += 1
        if (!anchors.has(node.source)) found.push({ offset, message: aliasFault(node.source) })
        if (aliases === MOST_ALIASES + 1) found.push({ offset, message: `more than ${MOST_ALIASES} aliases` })
        return undefined
      }
      if (node.anchor !== undefined) anchors.add(node.anchor)
      if (node.tag !== undefined) found.push({ offset, message: 'a YAML tag (!…) is refused' })
      return undefined
    },
  })
  return found
}

function refuseTwice({ items }: YAMLMap, found: Refusal[]): void {
  const keys = new Set<unknown>()
  for (const { key } of items) {
    if (!isScalar(key)) continue
    if (keys.has(key.value))
      found.push({ offset: startOf(key) ?? 0, message: 'the same key is written twice' })
    keys.add(key.value)
  }
}

const VARIABLE = /\$\$\{|\$\{([^}]*)\}?/g

/**
 * Fill in `${NAME}` in values, never in keys; `$${` stays `${`. What comes in is text and is never read as YAML;
 * a value that is one variable alone and holds only digits is a number.
 */
function interpolate(
  document: Document.Parsed,
  env: Readonly<Record<string, string | undefined>>,
): Refusal[] {
  const found: Refusal[] = []
  visit(document, {
    Scalar(place, node) {
      if (place === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return
      const offset = startOf(node) ?? 0
      const written = node.value
      const filled = written.replace(VARIABLE, (whole: string, name: string | undefined) => {
        if (whole === '$${') return '${'
        if (name === undefined || !whole.endsWith('}') || !/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) {
          found.push({
            offset,
            // biome-ignore lint/suspicious/noTemplateCurlyInString: the text is about this very syntax
            message: 'a variable is written ${NAME}; write $${ for the two characters themselves',
          })
          return ''
        }
        const value = env[name]
        if (value === undefined || value === '') {
          found.push({
            offset,
            message: `environment variable ${name} is ${value === '' ? 'empty' : 'not set'}`,
          })
        }
        return value ?? ''
      })
      const alone = /^\$\{[^}]*\}$/.test(written)
      node.value = alone && /^\d{1,9}$/.test(filled) ? Number(filled) : filled
    },
  })
  return found
}

/** Where a variable would be filled in. */
function variables(document: Document): Refusal[] {
  const found: Refusal[] = []
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value !== 'string' || !node.value.includes('${')) return
      found.push({ offset: startOf(node) ?? 0, message: 'takes nothing from the environment: ${ is refused' })
    },
  })
  return found
}

/** Where a path leads to. Each mapping is gone through once, whatever the number of paths. */
function offsetsIn(document: Document.Parsed): (path: KeyPath, at: 'key' | 'value') => number {
  const pairs = new Map<YAMLMap, Map<string, Pair>>()
  const targets = new Map<unknown, unknown>()
  return (path, at) => {
    let node: unknown = document.contents
    let offset = startOf(node) ?? 0
    for (const [depth, step] of path.entries()) {
      node = resolved(node)
      if (isMap(node)) {
        const pair = pairsOf(node).get(String(step))
        if (pair === undefined) return offset
        const last = depth === path.length - 1
        offset = (last && at === 'value' ? startOf(pair.value) : undefined) ?? startOf(pair.key) ?? offset
        node = pair.value
      } else if (isSeq(node)) {
        const item: unknown = node.items[Number(step)]
        if (item === undefined) return offset
        offset = startOf(item) ?? offset
        node = item
      } else return offset
    }
    return offset
  }

  function resolved(node: unknown): unknown {
    if (!isAlias(node)) return node
    if (!targets.has(node)) targets.set(node, node.resolve(document))
    return targets.get(node)
  }

  function pairsOf(map: YAMLMap): Map<string, Pair> {
    const known = pairs.get(map)
    if (known !== undefined) return known
    const made = new Map<string, Pair>()
    for (const pair of map.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : null
      if (name !== null && !made.has(name)) made.set(name, pair)
    }
    pairs.set(map, made)
    return made
  }
}

function positionIn(text: string, offset: number): Position {
  const before = text.slice(0, offset)
  const start = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: offset - start + 1 }
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0]
}

/** What the parser says, but for what it repeats of the text, which may be part of a password. */
function withoutSource(message: string): string {
  return oneLine(message.replace(/(?<=\S): .*$| \\.*$/s, '').replace(/!\S+/g, '!...'))
}

function oneLine(message: string): string {
  return message.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200)
}
