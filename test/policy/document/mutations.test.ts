// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how a file would name a variable
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { ConfigError } from '../../../src/config/config-error.ts'
import { compilePolicy } from '../../../src/policy/compile.ts'
import { bundleDigest } from '../../../src/policy/document/bundle-digest.ts'
import { parsePolicy } from '../../../src/policy/document/parse-policy.ts'
import { checkPolicy } from '../../../src/policy/document/remarks/check-policy.ts'

const FOLDER = join(import.meta.dirname, '../../../config/policies')
const HOSTS = './lists/internal-hosts.txt'
const ORIGINALS = readdirSync(FOLDER)
  .filter((file) => /^[a-z-]+\.yaml$/.test(file))
  .map((file) => readFileSync(join(FOLDER, file), 'utf8').replace(/^ *#.*\n/gm, ''))

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
  'constructor: 1',
  '9'.repeat(40),
  '~',
  '.inf',
  '*.',
  '**',
  '/33',
]
const VALUES: unknown[] = [
  null,
  true,
  -1,
  Number.POSITIVE_INFINITY,
  '',
  'x',
  'x.example',
  [],
  {},
  [[]],
  { a: { b: 1 } },
  70000,
  'constructor',
  '__proto__',
  '@constructor',
  '@none',
  [null],
  '>10',
  '7d',
  'always',
  { not: {} },
  { all: [{ any: [] }] },
  '*',
  '{x}',
  '2030-01-01',
  '(((',
  'a'.repeat(600),
  '\u202e',
  'deny',
  'allow',
  'observe',
  '10.0.0.0/8',
]

type Mutation = (text: string, next: () => number) => string
const pick = <T>(list: readonly T[], next: () => number): T => list[Math.floor(next() * list.length)]!

const bytes: Mutation = (text, next) => {
  const place = Math.floor(next() * (text.length + 1))
  const put = next() < 0.5 ? String.fromCharCode(Math.floor(next() * 0x250)) : pick(SPICE, next)
  return text.slice(0, place) + put + text.slice(place + Math.floor(next() * 4))
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

const structure: Mutation = (_, next) => {
  const root: unknown = parse(pick(ORIGINALS, next))
  for (let times = 1 + Math.floor(next() * 3); times > 0; times--) {
    let node = root as Record<string, unknown>
    for (;;) {
      if (Object.keys(node).length === 0) break
      const key = pick(Object.keys(node), next)
      const child = node[key]
      if (typeof child === 'object' && child !== null && Object.keys(child).length > 0 && next() < 0.8) {
        node = child as Record<string, unknown>
        continue
      }
      if (next() < 0.2) delete node[key]
      else if (next() < 0.3 && !Array.isArray(node)) node[`${key}${pick(['s', '_', 'x'], next)}`] = child
      else node[key] = pick(VALUES, next)
      break
    }
  }
  return stringify(root)
}

test('a thousand mutated policies are usable or refused with places inside the file, and never crash', async () => {
  const next = random(8555)
  const counts = { valid: 0, refused: 0 }
  const messages = new Set<string>()
  const hosts = 'vpn.example.com\n'
  for (let i = 0; i < 1000; i++) {
    let text = pick(ORIGINALS, next)
    for (let times = 1 + Math.floor(next() * 2); times > 0; times--)
      text = pick([bytes, lines, structure, structure], next)(text, next)
    const list = next() < 0.8 ? hosts : bytes(hosts, next)
    const bundle = { file: '/policy.yaml', text, files: { [HOSTS]: list } }
    try {
      const document = await parsePolicy(bundle)
      expect(document.version).toBe(1)
      const policy = await compilePolicy(document, bundleDigest(bundle))
      expect(policy.rules).toHaveLength(document.rules.length)
      for (const { line, column, message } of await checkPolicy(document, bundle, { now: 0 })) {
        expect(line).toBeLessThanOrEqual(text.split('\n').length)
        expect(column).toBeGreaterThanOrEqual(1)
        expect(message).not.toMatch(/undefined|\[object|\n/)
      }
      counts.valid += 1
    } catch (error) {
      if (!(error instanceof ConfigError)) throw new Error(`mutation ${i} crashed: ${String(error)}\n${text}`)
      counts.refused += 1
      expect(error.problems.length).toBeGreaterThan(0)
      for (const { file, line, column, message, instead } of error.problems) {
        const last = (file === '/policy.yaml' ? text : list).split(/\r\n|\n|\r/).length
        expect(line).toBeGreaterThanOrEqual(1)
        expect(line).toBeLessThanOrEqual(last)
        expect(column).toBeGreaterThanOrEqual(1)
        expect(`${message}${instead}`).not.toMatch(/undefined|\[object|\n|\u0000|\u202e/)
        messages.add(message)
      }
    }
  }
  expect(counts.valid + counts.refused).toBe(1000)
  expect(counts.valid).toBeGreaterThan(50)
  expect(counts.refused).toBeGreaterThan(500)
  expect(messages.size).toBeGreaterThan(60)
}, 60_000)
