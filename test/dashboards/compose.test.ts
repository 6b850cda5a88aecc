import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { DASHBOARDS } from './files.ts'

interface Service {
  readonly image: string
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly command?: readonly string[]
}
const read = <T>(...parts: string[]) => parse(readFileSync(path.join(DASHBOARDS, ...parts), 'utf8')) as T
const compose = read<{ services: Record<string, Service>; volumes: Record<string, unknown> }>('compose.yaml')
const services = Object.values(compose.services)

test('the three are there, in versions that are named', () => {
  expect(Object.keys(compose.services).sort()).toEqual(['alertmanager', 'grafana', 'prometheus'])
  for (const { image } of services) expect(image).toMatch(/^[a-z]+\/[a-z]+:v?\d+\.\d+\.\d+$/)
})

test('nothing is published beyond this machine', () => {
  for (const { ports = [] } of services) {
    expect(ports.length).toBeGreaterThan(0)
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
  }
})

test('what is mounted exists, and is read only unless it is a volume', () => {
  for (const { volumes = [] } of services)
    for (const volume of volumes) {
      const [source = '', , mode] = volume.split(':')
      if (source.startsWith('.')) {
        expect(existsSync(path.join(DASHBOARDS, source)), volume).toBe(true)
        expect(mode).toBe('ro')
      } else expect(Object.keys(compose.volumes)).toContain(source)
    }
})

test('the parts find each other', () => {
  const hosts = Object.keys(compose.services)
  const prometheus = read<{
    alerting: { alertmanagers: { static_configs: { targets: string[] }[] }[] }
    rule_files: string[]
  }>('prometheus', 'prometheus.yml')
  const managers = prometheus.alerting.alertmanagers.flatMap(({ static_configs }) =>
    static_configs.flatMap(({ targets }) => targets),
  )
  for (const target of managers) expect(hosts).toContain(target.split(':')[0])
  for (const file of prometheus.rule_files)
    expect(existsSync(path.join(DASHBOARDS, 'prometheus', file))).toBe(true)
  const { datasources } = read<{ datasources: { type: string; url: string }[] }>(
    'grafana',
    'provisioning',
    'datasources',
    'prometheus.yaml',
  )
  for (const { url } of datasources) expect(hosts).toContain(new URL(url).hostname)
  expect(datasources.map(({ type }) => type)).toEqual(['prometheus', 'alertmanager'])
  const { providers } = read<{ providers: { options: { path: string } }[] }>(
    'grafana',
    'provisioning',
    'dashboards',
    'acmetap.yaml',
  )
  const mounted = (compose.services.grafana?.volumes ?? []).map((volume) => volume.split(':')[1])
  for (const { options } of providers) expect(mounted).toContain(options.path)
})
