/** Debian's Prometheus and Alertmanager, on loopback in a folder of their own, with this project's rules. */
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { freePort, listening, type StartedProcess, startProcess } from '../child-process.ts'
import { overlaid } from './overlay.ts'
import { unpackedProgram } from './unpacked.ts'

const DASHBOARDS = path.resolve(import.meta.dirname, '..', '..', '..', 'dashboards')

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: readonly [number, string]
  readonly values?: readonly (readonly [number, string])[]
}

export interface FiringAlert {
  readonly state: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface Monitoring {
  /** Of Prometheus and of Alertmanager. */
  readonly url: string
  readonly alertmanagerUrl: string
  query(expr: string): Promise<readonly Sample[]>
  /** Over the last five minutes. */
  queryRange(expr: string): Promise<readonly Sample[]>
  alerts(): Promise<readonly FiringAlert[]>
  /** As Alertmanager has them. */
  received(): Promise<readonly Omit<FiringAlert, 'state'>[]>
  stop(): Promise<void>
}

/** Why it can't run here; null when both are there. */
export async function reasonWithoutMonitoring(): Promise<string | null> {
  for (const program of ['prometheus', 'prometheus-alertmanager'])
    if ((await unpackedProgram(program)) === null) return `${program} is not installed`
  if (process.getuid?.() !== 0)
    return 'unpacked, Alertmanager needs its templates laid over /usr/share: root (unshare --mount)'
  return null
}

/** Debian's Alertmanager reads its templates below /usr/share and nowhere else. */
async function alertmanagerProgram(): Promise<{ program: string; args: string[] }> {
  const program = (await unpackedProgram('prometheus-alertmanager')) ?? 'prometheus-alertmanager'
  const share = path.resolve(program, '..', '..', 'share')
  const isUnpacked = share !== '/usr/share'
  return overlaid(isUnpacked ? [{ file: share, over: '/usr/share' }] : [], program, [])
}

/**
 * The rules as they are shipped but for their patience: `for` and the interval of groups become one second, so that a
 * drill takes seconds. Expressions, with their ranges and thresholds, stay.
 */
async function hastened(file: string): Promise<string> {
  const text = await readFile(path.join(DASHBOARDS, 'prometheus', file), 'utf8')
  return text.replaceAll(/^( +)(for|interval): .*$/gm, '$1$2: 1s')
}

/** `target`: host:port whose /metrics is scraped each second. */
export async function startMonitoring(folder: string, target: string): Promise<Monitoring> {
  const [port, managerPort] = [await freePort(), await freePort()]
  const file = (name: string) => path.join(folder, name)
  for (const rules of ['acmetap.rules.yml', 'acmetap.alerts.yml'])
    await writeFile(file(rules), await hastened(rules))
  const manager = await readFile(path.join(DASHBOARDS, 'alertmanager', 'alertmanager.yml'), 'utf8')
  await writeFile(file('alertmanager.yml'), manager)
  await writeFile(
    file('prometheus.yml'),
    stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ['acmetap.rules.yml', 'acmetap.alerts.yml'],
      alerting: { alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${managerPort}`] }] }] },
      scrape_configs: [{ job_name: 'acmetap', static_configs: [{ targets: [target] }] }],
    }),
  )
  const started: StartedProcess[] = []
  const start = async (program: string, at: number, args: readonly string[]) => {
    const daemon = startProcess(program, args, { cwd: folder })
    started.push(daemon)
    await listening(at, daemon)
  }
  const stop = async () => {
    await Promise.all(started.map((daemon) => daemon.stop()))
  }
  try {
    const alertmanager = await alertmanagerProgram()
    await start(alertmanager.program, managerPort, [
      ...alertmanager.args,
      `--config.file=${file('alertmanager.yml')}`,
      `--storage.path=${file('alertmanager')}`,
      `--web.listen-address=127.0.0.1:${managerPort}`,
      '--cluster.listen-address=',
    ])
    await start((await unpackedProgram('prometheus')) ?? 'prometheus', port, [
      `--config.file=${file('prometheus.yml')}`,
      `--storage.tsdb.path=${file('tsdb')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
    ])
    for (const at of [port, managerPort])
      while (!(await fetch(`http://127.0.0.1:${at}/-/ready`)).ok) await sleep(100)
  } catch (error) {
    await stop()
    throw error
  }
  const url = `http://127.0.0.1:${port}`
  const alertmanagerUrl = `http://127.0.0.1:${managerPort}`
  const ask = async <T>(where: string, parameters: Readonly<Record<string, string>> = {}) => {
    const response = await fetch(`${where}?${new URLSearchParams(parameters)}`)
    const body = (await response.json()) as { status?: string; error?: string; data: T }
    if (!response.ok) throw new Error(`${where}: ${body.error ?? response.status}`)
    return body
  }
  return {
    url,
    alertmanagerUrl,
    async query(query) {
      return (await ask<{ result: Sample[] }>(`${url}/api/v1/query`, { query })).data.result
    },
    async queryRange(query) {
      const now = Date.now() / 1000
      const span = { start: String(now - 300), end: String(now), step: '5' }
      return (await ask<{ result: Sample[] }>(`${url}/api/v1/query_range`, { query, ...span })).data.result
    },
    async alerts() {
      const { data } = await ask<{ alerts: FiringAlert[] }>(`${url}/api/v1/alerts`)
      return data.alerts.filter(({ state }) => state === 'firing')
    },
    async received() {
      return (await ask<never>(`${alertmanagerUrl}/api/v2/alerts`)) as unknown as FiringAlert[]
    },
    stop,
  }
}
