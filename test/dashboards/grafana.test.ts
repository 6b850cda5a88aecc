// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax of Grafana's variables
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { RULES } from '../../src/alerts/rule-names.ts'
import { ROUTES } from '../../src/api/routes.ts'
import { DIAGNOSIS_CLASSES } from '../../src/audit/diagnosis/classes.ts'
import { unpackedProgram } from '../support/peers/unpacked.ts'
import {
  dashboards,
  familyOf,
  knownMetrics,
  metricsIn,
  RUNBOOKS,
  rulesIn,
  run,
  substituted,
} from './files.ts'

const promtool = await unpackedProgram('promtool', 'prometheus')
const all = dashboards()
/** Links may lead to these, beside the rows of the API. */
const PLAIN_ROUTES = ['/readyz', '/healthz', '/metrics']

let folder: string
let known: Set<string>
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'grafana-'))
  known = new Set([
    ...(await knownMetrics()),
    ...rulesIn('acmetap.rules.yml').flatMap(({ record }) => record ?? []),
  ])
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('there are six, each with an id and a title of its own', () => {
  const files = all.map(({ file }) => file).sort()
  expect(files).toEqual(
    ['ca-health', 'clients', 'failures', 'fleet-overview', 'limits', 'proxy'].map((name) => `${name}.json`),
  )
  expect(new Set(all.map(({ uid }) => uid)).size).toBe(6)
  expect(new Set(all.map(({ title }) => title)).size).toBe(6)
})

describe.each(all.map((dashboard) => [dashboard.file, dashboard] as const))('%s', (_file, dashboard) => {
  const { panels, templating, text } = dashboard
  const shown = panels.filter(({ type }) => type !== 'row' && type !== 'text')

  test('is of a schema that Grafana 11 and 12 read, and asks for its data source', () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39)
    expect(dashboard.schemaVersion).toBeLessThanOrEqual(41)
    expect(dashboard.tags).toContain('acmetap')
    expect(templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource' })
    const uids = [...text.matchAll(/"uid": "([^"]*)"/g)].map(([, uid]) => uid)
    expect([...new Set(uids)].sort()).toEqual(['${datasource}', '-- Grafana --', dashboard.uid].sort())
  })

  test('its panels have ids of their own, do not overlap and say what they show', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    for (const [at, { gridPos: a, title }] of panels.entries()) {
      expect(a.x + a.w, title).toBeLessThanOrEqual(24)
      for (const { gridPos: b, title: other } of panels.slice(at + 1)) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y
        expect(apart, `${title} and ${other}`).toBe(true)
      }
    }
    for (const { title, description, targets, fieldConfig, datasource } of shown) {
      expect(description, title).toMatch(/\S.{8,}/)
      expect(fieldConfig?.defaults.unit, title).toBeTruthy()
      expect(targets?.length, title).toBeGreaterThan(0)
      expect(datasource?.uid, title).toBe('${datasource}')
    }
  })

  test('every metric its queries name exists', () => {
    for (const { title, targets = [] } of shown)
      for (const { expr } of targets) {
        const metrics = metricsIn(expr)
        const unknown = metrics.filter((metric) => !known.has(metric) && !known.has(familyOf(metric)))
        expect(unknown, title).toEqual([])
        expect(metrics.length + (expr.startsWith('up{') ? 1 : 0), title).toBeGreaterThan(0)
      }
  })

  test('every variable it uses is defined', () => {
    const defined = new Set(templating.list.map(({ name }) => name))
    const used = [...text.matchAll(/\$\{?([a-z_]+)/gi)].map(([, name]) => name ?? '')
    const own = used.filter((name) => !name.startsWith('__'))
    for (const name of own) expect(defined).toContain(name)
    for (const name of defined) expect(own).toContain(name)
  })

  test('its links lead to pages and routes that exist', () => {
    const routes = new Set([
      ...PLAIN_ROUTES,
      ...ROUTES.filter(({ method }) => method === 'GET').map(({ path: route }) => `/api/v1${route}`),
    ])
    for (const [, route] of text.matchAll(/\$\{admin\}(\/[^"\\)]*)/g)) expect(routes).toContain(route)
    for (const [, page] of text.matchAll(/\$\{runbooks\}\/([^"\\)]*)/g)) {
      if (page === '${__data.fields.rule}.md') {
        for (const rule of RULES) expect(existsSync(path.join(RUNBOOKS, `${rule}.md`))).toBe(true)
      } else if (page?.endsWith('#${__field.labels.class}')) {
        expect(existsSync(path.join(RUNBOOKS, page.split('#')[0] ?? ''))).toBe(true)
        const sections = readFileSync(path.join(RUNBOOKS, '..', 'failures.md'), 'utf8')
        for (const name of DIAGNOSIS_CLASSES) expect(sections).toContain(`\n### ${name}\n`)
      } else expect(existsSync(path.join(RUNBOOKS, page ?? '')), page).toBe(true)
    }
  })

  test.runIf(promtool)('promtool can read every query', async () => {
    const rules = shown.flatMap(({ id, targets = [] }) =>
      targets.map(({ refId, expr }) => ({ record: `panel:${id}_${refId}:query`, expr: substituted(expr) })),
    )
    const file = path.join(folder, `${dashboard.uid}.yml`)
    await writeFile(file, stringify({ groups: [{ name: dashboard.uid, rules }] }))
    const { code, output } = await run(promtool as string, 'check', 'rules', file)
    expect(code, output).toBe(0)
    expect(output).toContain(`${rules.length} rules found`)
  })
})
