// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how a configuration names a variable
import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { ConfigError } from '../../src/config/config-error.ts'
import { renderExample } from '../../src/config/example.ts'
import { parseConfig } from '../../src/config/load.ts'

/** Mulberry32: the same numbers every time. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const SPICE = [
  '\u0000',
  '\t',
  '&a',
  '*a',
  '!!js',
  '${X}',
  '${',
  '- ',
  ': ',
  '{',
  '[',
  '"',
  "'",
  '|',
  '>',
  '%',
  '@',
  '\r',
  '\ufeff',
  '\u2028',
  '<<: *a',
  '---',
  '...',
  '__proto__: 1',
  '9'.repeat(40),
  '~',
  '.inf',
  '0x10',
]
const VALUES: unknown[] = [
  null,
  true,
  -1,
  Number.POSITIVE_INFINITY,
  '',
  'x',
  [],
  {},
  [[]],
  { a: { b: 1 } },
  70000,
  'constructor',
  [null],
  '${HOME}',
  'https://[',
  '30s',
]

type Mutation = (text: string, next: () => number) => string
const at = (text: string, next: () => number) => Math.floor(next() * (text.length + 1))
const pick = <T>(list: readonly T[], next: () => number): T => list[Math.floor(next() * list.length)]!

const bytes: Mutation = (text, next) => {
  const place = at(text, next)
  const cut = Math.floor(next() * 4)
  const put = next() < 0.5 ? String.fromCharCode(Math.floor(next() * 0x250)) : pick(SPICE, next)
  return text.slice(0, place) + put + text.slice(place + cut)
}

const lines: Mutation = (text, next) => {
  const all = text.split('\n')
  const [a, b] = [Math.floor(next() * all.length), Math.floor(next() * all.length)]
  const kind = next()
  if (kind < 0.25) all.splice(a, 1)
  else if (kind < 0.5) all.splice(a, 0, all[b]!)
  else if (kind < 0.75) all[a] = ' '.repeat(Math.floor(next() * 6)) + all[a]!.trimStart()
  else [all[a], all[b]] = [all[b]!, all[a]!]
  return all.join('\n')
}

const structure: Mutation = (text, next) => {
  const root: unknown = parse(renderExample())
  let node = root as Record<string, unknown>
  for (;;) {
    const key = pick(Object.keys(node), next)
    const child = node[key]
    if (typeof child === 'object' && child !== null && Object.keys(child).length > 0 && next() < 0.7) {
      node = child as Record<string, unknown>
      continue
    }
    if (next() < 0.3) delete node[key]
    else if (next() < 0.5) node[`${key}${pick(['s', '_', 'x'], next)}`] = child
    else node[key] = pick(VALUES, next)
    return next() < 0.5 ? stringify(root) : bytes(stringify(root), next) || text
  }
}

test('a thousand mutated files are valid or refused with lines, and never crash', () => {
  const next = random(8555)
  const original = renderExample()
  const bare = original.replace(/^ *#.*\n/gm, '')
  const counts = { valid: 0, refused: 0 }
  const messages = new Set<string>()
  for (let i = 0; i < 1000; i++) {
    let text = next() < 0.3 ? original : bare
    for (let times = 1 + Math.floor(next() * 3); times > 0; times--)
      text = pick([bytes, lines, structure], next)(text, next)
    try {
      const { config, digest } = parseConfig(text, 'acmetap.yaml', { env: {}, readFiles: false })
      expect(config.version).toBe(1)
      expect(digest).toMatch(/^[0-9a-f]{64}$/)
      counts.valid += 1
    } catch (error) {
      if (!(error instanceof ConfigError)) throw new Error(`mutation ${i} crashed: ${String(error)}\n${text}`)
      counts.refused += 1
      expect(error.problems.length).toBeGreaterThan(0)
      const last = text.split(/\r\n|\n|\r/).length
      for (const { line, column, message } of error.problems) {
        expect(line).toBeGreaterThanOrEqual(1)
        expect(line).toBeLessThanOrEqual(last)
        expect(column).toBeGreaterThanOrEqual(1)
        expect(message).not.toMatch(/undefined|\[object|\n|\u0000/)
        messages.add(message)
      }
      const order = error.problems.map(({ line }) => line)
      expect(order).toEqual([...order].sort((a, b) => a - b))
    }
  }
  expect(counts.valid + counts.refused).toBe(1000)
  expect(counts.valid).toBeGreaterThan(50)
  expect(counts.refused).toBeGreaterThan(500)
  expect(messages.size).toBeGreaterThan(25)
})
