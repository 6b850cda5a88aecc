import { accessSync, constants, statSync } from 'node:fs'
import { connect } from 'node:net'
import type { CaStatus, Operations, RecordOperations } from '../../api/operations.ts'
import { Findings } from '../../audit/diagnosis/finding.ts'
import { ConfigError, formatProblem } from '../../config/config-error.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { Config } from '../../config/schema.ts'
import { AuthorityFolder } from '../../interception/authority-folder.ts'
import { ISSUING_WARNING_DAYS } from '../../interception/issuing-authority.ts'
import { refusedHosts } from '../report/hosts.ts'
import { checkPolicyFile, checkPolicyInForce } from './policy-file.ts'

const DAY_MS = 86_400_000
const WEEK_MICROS = 7 * 86_400_000_000
const PATIENCE = 5000

export interface ServerSide {
  /** Reads the configuration with all its files. Throws ConfigError. */
  readonly load: () => LoadedConfig
  /** The running server, or null. Rejects where its socket is closed to this user. */
  readonly server: (config: Config) => Promise<Operations | null>
  /** µs since 1970. */
  readonly now: number
}

/** Looks at the server and its surroundings, from the machine it runs on. */
export async function examineServerSide(side: ServerSide): Promise<Findings> {
  const findings = new Findings()
  const config = checkConfig(side, findings)
  if (config === null) return findings
  const policy = await checkPolicyFile(config, findings)
  checkFolder(config.data, findings)
  await checkRoot(config, side.now, findings)
  let server: Operations | null
  try {
    server = await side.server(config)
  } catch (error) {
    findings.fail(
      'server',
      (error as Error).message,
      'Run this as the user that runs the server, or as root.',
    )
    return findings
  }
  if (server === null) {
    findings.fail(
      'server',
      `no server answers in ${config.data}`,
      'Start it: acmetap serve. If it runs, use the same --config.',
    )
    return findings
  }
  await checkServer(server, config.data, policy, findings)
  await noteRefused(server, side.now, config, findings)
  return findings
}

function checkConfig({ load }: ServerSide, findings: Findings): Config | null {
  try {
    const { config, file, warnings } = load()
    findings.ok('config', `${file} is right`)
    for (const warning of warnings) findings.note('config', warning, 'See docs/operations.md.')
    return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) {
      findings.fail('config', formatProblem(problem), 'Mend it, then: acmetap config check')
    }
    return null
  }
}

function checkFolder(folder: string, findings: Findings): void {
  try {
    const mode = statSync(folder).mode & 0o777
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    if ((mode & 0o077) === 0) findings.ok('data', `${folder} is the server's alone`)
    else {
      findings.fail(
        'data',
        `${folder} has mode ${mode.toString(8).padStart(4, '0')}: others may look in`,
        `chmod 700 ${folder}`,
      )
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    findings.fail(
      'data',
      code === 'ENOENT' ? `there is no ${folder} yet` : `no right to use ${folder} (${code})`,
      code === 'ENOENT'
        ? 'It is made at the first start: acmetap serve'
        : 'Run this as the user that runs the server, or as root.',
    )
  }
}

async function checkRoot(config: Config, now: number, findings: Findings): Promise<void> {
  if (config.intercept.cas.length === 0) return
  try {
    const current = await new AuthorityFolder(config.data).readCurrent()
    if (current === null) {
      findings.fail(
        'root',
        'there is no interception root yet',
        'It is made at the first start: acmetap serve',
      )
      return
    }
    const days = Math.floor((current.notAfter.getTime() - now / 1000) / DAY_MS)
    const until = current.notAfter.toISOString().slice(0, 10)
    if (days > ISSUING_WARNING_DAYS)
      findings.ok('root', `what signs for intercepted connections lasts until ${until}`)
    else {
      findings.fail(
        'root',
        `what signs for intercepted connections ${days < 0 ? 'ended' : 'ends'} on ${until}`,
        current.own
          ? 'Rotate it with overlap: acmetap root rotate'
          : 'Certify it again: acmetap root csr, then acmetap root import',
      )
    }
  } catch (error) {
    findings.fail('root', (error as Error).message, 'acmetap root show says more.')
  }
}

async function checkServer(
  server: Operations,
  folder: string,
  policy: string | null,
  findings: Findings,
): Promise<void> {
  // What it asks of the CAs goes into the record: so the state of the record, asked afterwards, is of this moment.
  const cas = await server.probe()
  const status = await server.status()
  findings.ok('server', `acmetap ${status.version} runs, process ${status.pid}`)
  if (status.store.state === 'ok') findings.ok('record', 'the record can be written')
  else
    findings.fail(
      'record',
      `the record cannot be written: ${status.store.detail ?? ''}`,
      `Is the disk full (df -h ${folder}), or does another program hold the file? The log says why.`,
    )
  checkPolicyInForce(status.policy, policy, findings)
  for (const { name, address, port } of status.listeners) {
    if (await listens(address, port)) findings.ok('listener', `${name} listens on ${address}:${port}`)
    else
      findings.fail(
        'listener',
        `${name} does not answer on ${address}:${port}`,
        'See the log; restart acmetap.',
      )
  }
  if (status.namesNotCovered.length > 0) {
    findings.fail(
      'names',
      `the root does not cover ${status.namesNotCovered.join(', ')}: they are not served`,
      'Make a root that does, with overlap: acmetap root rotate',
    )
  }
  for (const { name, backlog, lastError } of status.sinks) {
    if (lastError === null) findings.ok('sink', `${name} takes what it is sent, ${backlog} waiting`)
    else
      findings.fail(
        'sink',
        `${name} fails, ${backlog} waiting: ${lastError}`,
        'Mend it: nothing is lost, what waits is sent then.',
      )
  }
  if (status.store.state !== 'ok') {
    const remedy = 'Mend the record first, then run this again.'
    findings.note('ca', 'the CAs were not asked: nothing is sent that cannot be recorded', remedy)
    return
  }
  checkCas(cas, findings)
}

function checkCas(cas: readonly CaStatus[], findings: Findings): void {
  for (const { name, directories, relays } of cas) {
    for (const { url, state, detail } of directories) {
      if (state === 'ok') findings.ok('ca', `${name} answers at ${url}`)
      else
        findings.fail(
          'ca',
          `${name} is ${state} at ${url}${detail === null ? '' : `: ${detail}`}`,
          'Check trust, addresses and egress of this CA, and the network.',
        )
    }
    for (const { host, state, advice } of relays) {
      if (state !== 'ok')
        findings.fail('relay', `${name} as ${host} is ${state}`, advice ?? 'acmetap ca probe says more.')
    }
  }
}

function listens(address: string, port: number): Promise<boolean> {
  const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: PATIENCE })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
    socket.once('timeout', () => end(false))
  })
}

async function noteRefused(
  record: RecordOperations,
  now: number,
  config: Config,
  findings: Findings,
): Promise<void> {
  for (const { client, host, times, add } of await refusedHosts(record, now - WEEK_MICROS, config)) {
    if (add === null) continue
    findings.note(
      'otherHost',
      `${client} was refused ${host} ${times === 1 ? 'once' : `${times} times`} in 7 days`,
      `If the client needs it, add to ${add.to}:  ${add.line}`,
    )
  }
}
