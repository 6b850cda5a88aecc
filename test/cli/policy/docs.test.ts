import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BUILT_IN } from '../../../src/policy/built-in.ts'
import { VARIABLES } from '../../../src/policy/cel/variables.ts'
import { condition } from '../../../src/policy/document/condition-schema.ts'
import { PLACEHOLDERS } from '../../../src/policy/document/message-template.ts'
import { runHere } from '../../support/run-here.ts'

const DOCS = readFileSync(new URL('../../../docs/policy.md', import.meta.url), 'utf8')
const BLOCKS = [...DOCS.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text!)
const NOW = Date.parse('2026-11-22T12:00:00Z') * 1000

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'policy-docs-'))
  mkdirSync(join(folder, 'lists'))
  writeFileSync(join(folder, 'lists', 'partners.txt'), 'partner.example.org\n')
  writeFileSync(join(folder, 'fleet.yaml'), BLOCKS.find((text) => text.startsWith('version: 1'))!)
  writeFileSync(join(folder, 'fleet.test.yaml'), BLOCKS.find((text) => text.startsWith('cases:'))!)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (...words: string[]) => runHere(words, folder, { now: NOW })

test('the policy of the documentation can be used, and nothing is odd about it', async () => {
  expect(await run('policy', 'check', 'fleet.yaml', '--strict')).toMatchObject({ code: 0, err: '' })
})

test('its test cases pass', async () => {
  const { code, out } = await run('policy', 'test', 'fleet.yaml')
  expect(out).toMatch(/5 of 5 cases pass/)
  expect(code).toBe(0)
})

test('its exception can be used as it stands', async () => {
  const rule = BLOCKS.find((text) => text.includes('exception-2026'))!
  writeFileSync(join(folder, 'exception.yaml'), `version: 1\nrules:\n${rule}`)
  expect(await run('policy', 'check', 'exception.yaml')).toMatchObject({ code: 0 })
})

test('it names every condition, placeholder, variable and everything that is built in', () => {
  const { shape } = condition
  const parts = (['client', 'key', 'csr'] as const).flatMap((name) => Object.keys(shapeOf(shape[name])))
  const names = [
    ...Object.keys(shape),
    ...parts,
    ...Object.values(BUILT_IN),
    ...Object.keys(PLACEHOLDERS).map((name) => `{${name}}`),
    ...Object.keys(VARIABLES),
  ]
  expect(names.length).toBeGreaterThan(60)
  expect(names.filter((name) => !DOCS.includes(name))).toEqual([])
})

function shapeOf(schema: unknown): object {
  const { shape, unwrap } = schema as { shape?: object; unwrap?: () => unknown }
  return shape ?? shapeOf(unwrap!.call(schema))
}
