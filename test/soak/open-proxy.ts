import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { acmetapMain } from '../support/acmetap-process.ts'
import { INTERNAL_SPELLINGS } from '../support/internal-address-spellings.ts'
import type { OpenProxyReport } from './open-proxy-process.ts'
import type { Soak } from './soak.ts'

const NAMESPACE = ['--net', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])]
const LISTED = '93.184.216.34'
const PUBLIC = '8.8.4.4'
const OWN_SNI = '9.9.9.9:443'

/** Where the listed hosts are. */
const LIST = [LISTED, PUBLIC, '10.0.0.1'].flatMap((address) => [`${address}:443`, `${address}:80`])

/** What each configuration may reach beside its CA and its DNS server; null is any public address. */
const ALLOWED: Readonly<Record<keyof OpenProxyReport['runs'], readonly string[] | null>> = {
  refuse: [],
  // Listed by its full name a host may be internal; one below a listed name may not.
  list: [...LIST, '9.9.9.9:80'],
  tunnel: null,
}
const CAS = /^connect ca\.test\.?:CA$|^sni ca\.test\.?$/i
const OPENED: Readonly<Record<keyof OpenProxyReport['runs'], RegExp>> = {
  refuse: /$^/,
  list: /^connect ((listed|private|a\.below)\.test:443|plain\.test:80)$|^absolute http:\/\/(listed|private|plain|a\.below)\.test(:80)?\//,
  tunnel:
    /^connect (\w+|a\.below)\.test:443$|^absolute http:\/\/(\w+|a\.below)\.test(:80)?\/|^connect \w+\.listed\.test:443$/,
}

export const openProxy: Soak = {
  proves:
    'through CONNECT, absolute-form and SNI nothing is reached but CAs, listed hosts and, where allowed, public addresses, by the system’s own calls (threats N1–N3)',
  unit: 'random targets',
  size: 10_000,
  async run({ size, seed, progress }) {
    const main = acmetapMain()
    if (main === null) return { figures: {}, failures: ['acmetap is not built'], late: [] }
    const full = size >= 10_000
    const ports = full ? 65_535 : size
    const rounds = full ? 1000 : 64
    const folder = await mkdtemp(join(tmpdir(), 'open-proxy-'))
    try {
      progress(`${size} random targets, ${ports} ports of the CA, ${INTERNAL_SPELLINGS.length} spellings`)
      const report = await inNamespace([
        ...[join(import.meta.dirname, 'open-proxy-process.ts'), folder, String(size), String(ports)],
        ...[String(rounds), String(seed), main],
      ])
      const failures = faultsOf(report)
      const { refuse, list, tunnel } = report.runs
      const asked = (form: 'connect' | 'absolute' | 'sni') =>
        [refuse, list, tunnel].reduce((sum, run) => sum + run.asked[form], 0)
      return {
        figures: {
          'asked by CONNECT': asked('connect'),
          'asked by absolute-form': asked('absolute'),
          'asked by SNI': asked('sni'),
          'spellings of the inside': INTERNAL_SPELLINGS.length,
          'ports of the CA': ports,
          ...Object.fromEntries(
            Object.entries(report.runs).map(([name, run]) => [
              `${name}: destinations`,
              run.destinations.length > 12
                ? `${run.destinations.length}, all public`
                : run.destinations.join('\n'),
            ]),
          ),
          ...Object.fromEntries(
            Object.entries(report.runs).map(([name, run]) => [
              `${name}: answers`,
              Object.entries(run.answers)
                .map(([answer, count]) => `${answer}: ${count}`)
                .join('\n'),
            ]),
          ),
          'DNS rebinding': `${report.rebinding.rounds} rounds, ${report.rebinding.opened} to the public address, ${report.rebinding.refused} refused`,
          'planted control': `${report.planted.traced.join(', ')} seen`,
        },
        failures,
        late: [],
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}

/** What a report shows that must not be; empty where it is as it should be. */
export function faultsOf(report: OpenProxyReport): string[] {
  const faults: string[] = []
  const always = [report.ca, report.dns]
  const caPort = report.ca.split(':')[1] ?? ''
  for (const name of ['refuse', 'list', 'tunnel'] as const) {
    const run = report.runs[name]
    const may = (place: string) => ALLOWED[name]?.includes(place) ?? isOutside(place)
    for (const destination of run.destinations) {
      if (!always.includes(destination) && !may(destination))
        faults.push(`${name}: connected to ${destination}`)
      if (run.ownPorts.some((own) => destination.endsWith(`:${own}`)) || destination === OWN_SNI)
        faults.push(`${name}: called a listener of its own, ${destination}`)
    }
    for (const place of Object.keys(run.arrived)) {
      if (!may(place)) faults.push(`${name}: ${place} was called`)
    }
    for (const opened of run.opened) {
      const target = opened.replace(`:${caPort}`, ':CA')
      if (!CAS.test(target) && !OPENED[name].test(target)) faults.push(`${name}: opened ${opened}`)
    }
    // The controls: what is allowed was reached, or nothing above says anything.
    if (!run.destinations.includes(report.ca)) faults.push(`${name}: the CA was not seen to be called`)
  }
  const { list, tunnel } = report.runs
  for (const place of LIST) {
    if (!list.arrived[place]) faults.push(`list: nothing arrived at ${place}, which is listed`)
  }
  if (!tunnel.arrived[`${PUBLIC}:443`]) faults.push('tunnel: nothing arrived at a public address')
  if (report.honest.some((status) => status !== 200))
    faults.push(`the CA answered ${report.honest.join(', ')}`)
  if (report.planted.traced.join() !== '10.0.0.1:443,::1:443') {
    faults.push(`the planted connections were traced as ${report.planted.traced.join(', ')}`)
  }
  if (!report.planted.arrived['10.0.0.1:443'] || !report.planted.arrived['::1:443'])
    faults.push('the planted connections did not arrive')
  if (report.rebinding.refused === 0) faults.push('no round of the rebinding name was refused')
  return faults
}

/** Why it can't run here; null where it can. */
export function whyNoNamespace(): Promise<string | null> {
  return new Promise((resolve) => {
    const tried = spawn('unshare', [...NAMESPACE, 'true'], { stdio: 'ignore' })
    tried.once('error', () => resolve('unshare is not installed'))
    tried.once('exit', (code) => resolve(code === 0 ? null : 'no right to make a network namespace'))
  })
}

async function inNamespace(args: readonly string[]): Promise<OpenProxyReport> {
  const child = spawn('unshare', [...NAMESPACE, process.execPath, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: '/' },
  })
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)])
  const last = out.trim().split('\n').at(-1) ?? ''
  if (!last.startsWith('{')) throw new Error(`no report: ${error.slice(-2000)}${out.slice(-500)}`)
  return JSON.parse(last) as OpenProxyReport
}

/** Neither internal nor the machine's own, as the spellings of the table are. */
function isOutside(destination: string): boolean {
  const address = destination.slice(0, destination.lastIndexOf(':'))
  if (/^(0|10|127|22[4-9]|23\d|24\d|25\d)\./.test(address)) return false
  if (
    /^(172\.(1[6-9]|2\d|3[01])|192\.168|169\.254|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])|198\.1[89])\./.test(
      address,
    )
  )
    return false
  if (/^(192\.0\.[02]|192\.88\.99|198\.51\.100|203\.0\.113)\./.test(address)) return false
  return !address.includes(':') || /^[23]/.test(address)
}
