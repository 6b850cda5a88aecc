/** What dashboards/ and docs/runbooks hold, as the tests here look at it. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { createMetrics } from '../../src/observability/metrics.ts'

export const PROJECT = path.resolve(import.meta.dirname, '..', '..')
export const DASHBOARDS = path.join(PROJECT, 'dashboards')
export const PROMETHEUS = path.join(DASHBOARDS, 'prometheus')
export const RUNBOOKS = path.join(PROJECT, 'docs', 'runbooks')

export interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly for?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

export interface Target {
  readonly refId: string
  readonly expr: string
  readonly datasource: { readonly type: string; readonly uid: string }
}

export interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly targets?: readonly Target[]
  readonly datasource?: Target['datasource']
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
}

export interface Dashboard {
  readonly file: string
  readonly text: string
  readonly uid: string
  readonly title: string
  readonly tags: readonly string[]
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] }
}

export function rulesIn(file: string): Rule[] {
  const { groups } = parse(readFileSync(path.join(PROMETHEUS, file), 'utf8')) as {
    groups: { rules: Rule[] }[]
  }
  return groups.flatMap(({ rules }) => rules)
}

export function dashboards(): Dashboard[] {
  const folder = path.join(DASHBOARDS, 'grafana')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((file) => {
      const text = readFileSync(path.join(folder, file), 'utf8')
      return { ...(JSON.parse(text) as Dashboard), file, text }
    })
}

/** A panel's query as Grafana would send it with every variable at All. */
export function substituted(expr: string, rate = '5m', range = '1h'): string {
  return expr
    .replaceAll('$__rate_interval', rate)
    .replaceAll('$__range', range)
    .replaceAll(/\$(ca|mode|instance)\b/g, '.*')
}

/** The metrics it names: those of acmetap, of its process, of Node, and recorded ones. */
export function metricsIn(expr: string): string[] {
  const bare = expr.replaceAll(/"[^"]*"/g, '""')
  return [...new Set(bare.match(/\b(?:[a-z_]+:)?(?:acmetap|process|nodejs)_[a-z_]+(?::[a-z0-9_]+)?/g) ?? [])]
}

/** Every metric that acmetap has, whether or not it has a sample yet. */
export async function knownMetrics(): Promise<string[]> {
  const metrics = createMetrics(() => ({ inFlight: 0, tunnels: 0, waiting: 0, lastCommit: 0, spillBytes: 0 }))
  const { body } = await metrics.exposition()
  metrics.close()
  return [...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '')
}

/** Without what a histogram's samples add to its name. */
export function familyOf(metric: string): string {
  return metric.replace(/_(bucket|sum|count)$/, '')
}

export interface Finished {
  readonly code: number
  readonly output: string
}

export async function run(program: string, ...args: readonly string[]): Promise<Finished> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, [...args], { timeout: 50_000 })
    return { code: 0, output: stdout + stderr }
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string }
    if (typeof code !== 'number') throw error
    return { code, output: stdout + stderr }
  }
}
