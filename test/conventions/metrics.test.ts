import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createMetrics } from '../../src/observability/metrics.ts'

const DOCS = path.resolve(import.meta.dirname, '..', '..', 'docs')
const text = readFileSync(path.join(DOCS, 'metrics.md'), 'utf8')
const metrics = createMetrics(() => ({
  inFlight: 0,
  tunnels: 0,
  waiting: 0,
  lastCommit: 0,
  spillBytes: 0,
}))

const rows = [...text.matchAll(/^\| `(acmetap_\w+)`( ◆)? \|(.*?)\|/gm)].map(([, name, mark, labels]) => ({
  name: name!,
  labels: [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label!),
  exemplars: mark !== undefined,
}))

test('every metric is in docs/metrics.md with its labels, and no other', () => {
  const declared = metrics
    .declared()
    .filter(({ name }) => name.startsWith('acmetap_'))
    .map(({ name, labels, exemplars }) => ({ name, labels: [...labels], exemplars }))
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name)
  expect(rows.toSorted(byName)).toEqual(declared.toSorted(byName))
})

test('names have base units, and counters end in _total', () => {
  const named = metrics.declared().filter(({ name }) => name.startsWith('acmetap_'))
  expect(named.length).toBeGreaterThan(40)
  for (const { name, type } of named) {
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter'])
    if (type === 'histogram') expect(name).toMatch(/_seconds$/)
    expect(name).toMatch(/^acmetap_[a-z]+(_[a-z]+)*$/)
    expect(name).not.toMatch(/_(ms|milliseconds|microseconds|days|kb|percent)(_|$)/)
  }
})

test('every page it leads to is there', () => {
  const pages = [...text.matchAll(/\]\(([\w/-]+\.md)\)/g)].map(([, page]) => page!)
  expect(pages.length).toBeGreaterThan(10)
  expect(pages.filter((page) => !existsSync(path.join(DOCS, page)))).toEqual([])
})
