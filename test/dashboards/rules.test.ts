import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RULES, SEVERITIES } from '../../src/alerts/rule-names.ts'
import { unpackedProgram } from '../support/peers/unpacked.ts'
import { DASHBOARDS, familyOf, knownMetrics, metricsIn, PROJECT, PROMETHEUS, rulesIn, run } from './files.ts'

const promtool = await unpackedProgram('promtool', 'prometheus')
const amtool = await unpackedProgram('amtool', 'prometheus-alertmanager')
const recorded = rulesIn('acmetap.rules.yml')
const alerts = rulesIn('acmetap.alerts.yml')
const inPrometheus = (name: string) => path.join(PROMETHEUS, name)

/** `ca-down` is AcmetapCaDown; `acmetap-down` is AcmetapDown. */
const alertOf = (page: string) =>
  `Acmetap${page
    .replace(/^acmetap-/, '')
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')}`

let folder: string
let known: Set<string>
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'rules-'))
  known = new Set(await knownMetrics())
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe.runIf(promtool)('promtool', () => {
  const tool = promtool as string

  test('takes the rules and the configuration', async () => {
    const checks = [
      ['check', 'rules', inPrometheus('acmetap.rules.yml'), inPrometheus('acmetap.alerts.yml')],
      ['check', 'config', inPrometheus('prometheus.yml')],
    ]
    for (const check of checks) {
      const { code, output } = await run(tool, ...check)
      expect(code, output).toBe(0)
      expect(output).not.toMatch(/FAILED|duplicate/)
    }
  })

  test('fires each alert, not what nearly does, and ends it', async () => {
    const { code, output } = await run(tool, 'test', 'rules', inPrometheus('acmetap.rules.test.yml'))
    expect(code, output).toBe(0)
  })

  test('says no where a threshold is another: the tests of the rules can fail', async () => {
    const read = (name: string) => readFile(inPrometheus(name), 'utf8')
    const changed = (await read('acmetap.alerts.yml')).replace('ratio5m >= 0.5', 'ratio5m >= 0.2')
    await writeFile(path.join(folder, 'acmetap.alerts.yml'), changed)
    for (const name of ['acmetap.rules.yml', 'acmetap.rules.test.yml'])
      await writeFile(path.join(folder, name), await read(name))
    const { code, output } = await run(tool, 'test', 'rules', path.join(folder, 'acmetap.rules.test.yml'))
    expect(code).toBe(1)
    expect(output).toContain('AcmetapCaDown')
  })

  test('tests every alert', async () => {
    const text = await readFile(inPrometheus('acmetap.rules.test.yml'), 'utf8')
    for (const { alert } of alerts) expect(text).toContain(alert)
  })
})

test.runIf(amtool)('amtool takes the configuration of Alertmanager', async () => {
  const file = path.join(DASHBOARDS, 'alertmanager', 'alertmanager.yml')
  const { code, output } = await run(amtool as string, 'check-config', file)
  expect(code, output).toBe(0)
})

test('every metric the rules name exists', () => {
  const names = new Set([...known, ...recorded.flatMap(({ record }) => record ?? [])])
  for (const { expr, alert, record } of [...recorded, ...alerts]) {
    const unknown = metricsIn(expr).filter((metric) => !names.has(metric) && !names.has(familyOf(metric)))
    expect(unknown, alert ?? record).toEqual([])
  }
})

test('each rule of acmetap has an alert, and each alert a page of that name', () => {
  const pages = alerts.map(({ alert, annotations }) => {
    const page = /^docs\/runbooks\/([a-z-]+)\.md$/.exec(annotations?.runbook_url ?? '')?.[1] ?? ''
    expect(alertOf(page)).toBe(alert)
    expect(existsSync(path.join(PROJECT, annotations?.runbook_url ?? 'none')), alert).toBe(true)
    return page
  })
  expect(new Set(pages).size).toBe(pages.length)
  for (const rule of RULES) expect(pages).toContain(rule)
})

test('each alert says in a line what it is, and how bad', () => {
  const levels: readonly string[] = [...SEVERITIES, 'none']
  for (const { alert, expr, labels, annotations } of alerts) {
    expect(annotations?.summary, alert).toMatch(/^.{10,80}$/)
    expect(annotations?.description, alert).toMatch(/\.$/)
    // Without a severity of its own it has that of the alerts it passes on.
    if (labels === undefined) expect(expr).toMatch(/^sum by \(severity\) \(acmetap_alerts_firing/)
    else expect(levels).toContain(labels.severity)
  }
})
