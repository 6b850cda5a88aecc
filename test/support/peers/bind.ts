import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { askServer } from '../../../src/ca/dns/ask.ts'
import { recordsAt, textOf } from '../../../src/ca/dns/reply.ts'
import { ProgramMissing } from '../../../src/cli/demo/child.ts'
import { type StartedProcess, startProcess } from '../child-process.ts'
import { unpackedProgram } from './unpacked.ts'

/** Rejects with ProgramMissing. */
export async function named(): Promise<string> {
  const program = await unpackedProgram('named', 'bind9')
  if (program === null) throw new ProgramMissing('named', 'bind9')
  return program
}

/** Null: it can be started. */
export async function reasonWithoutNamed(): Promise<string | null> {
  const program = await unpackedProgram('named', 'bind9')
  return program === null ? 'named (Debian: bind9) is not installed' : null
}

export interface BindKey {
  readonly name: string
  readonly algorithm: string
  readonly secret: string
}

export interface Bind {
  readonly address: string
  readonly port: number
  readonly folder: string
  readonly process: StartedProcess
  /** TXT values of a name, as this server has them. */
  texts(name: string): Promise<string[]>
  stop(): Promise<void>
}

export function makeBindKey(name: string, algorithm = 'hmac-sha256'): BindKey {
  return { name, algorithm, secret: randomBytes(32).toString('base64') }
}

export interface BindZone {
  readonly name: string
  /** Address of the primary; left out: this is it. */
  readonly primary?: string
  /** `allow-update { … };`, `update-policy { … };` and the like. */
  readonly options?: string
  /** Lines of the zone beside SOA and NS. */
  readonly records?: readonly string[]
  /** Names and addresses of its servers. */
  readonly servers: readonly (readonly [name: string, address: string])[]
}

/** BIND at 127.0.0.1 or ::1: it takes no address that no interface has. Ended by its own pid. */
export async function startBind(
  address: string,
  port: number,
  zones: readonly BindZone[],
  keys: readonly BindKey[] = [],
): Promise<Bind> {
  const program = await named()
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-bind-'))
  const configured = [
    `options { directory "${folder}"; ${listen(address, port)}`,
    '  pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify explicit;',
    '  allow-transfer { any; }; minimal-responses yes; };',
    'controls { };',
    ...keys.map(
      ({ name, algorithm, secret }) => `key "${name}" { algorithm ${algorithm}; secret "${secret}"; };`,
    ),
  ]
  for (const zone of zones) {
    const file = join(folder, `${zone.name}.zone`)
    if (zone.primary !== undefined) {
      configured.push(
        `zone "${zone.name}" { type secondary; file "${file}"; primaries port ${port} { ${zone.primary}; }; allow-notify { any; }; };`,
      )
      continue
    }
    const others = zone.servers.filter(([, at]) => at !== address).map(([, at]) => `${at} port ${port};`)
    configured.push(
      `zone "${zone.name}" { type primary; file "${file}"; notify-delay 0; also-notify { ${others.join(' ')} }; ${zone.options ?? ''} };`,
    )
    await writeFile(file, zoneFile(zone))
  }
  const file = join(folder, 'named.conf')
  await writeFile(file, configured.join('\n'))
  const process = startProcess(program, ['-g', '-c', file, '-n', '1'], { cwd: folder })
  const { signal } = new AbortController()
  while (!process.output().includes('all zones loaded')) {
    if (process.child.exitCode !== null) throw new Error(process.output())
    await sleep(20)
  }
  return {
    address,
    port,
    folder,
    process,
    async texts(name) {
      const reply = await askServer({ address, port }, { name, type: 'TXT', recursion: false }, 5_000, signal)
      return recordsAt(reply, name, 'TXT').records.map(({ data }) => textOf(data))
    },
    async stop() {
      await process.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function listen(address: string, port: number): string {
  const [four, six] = isIP(address) === 6 ? ['none', address] : [address, 'none']
  return `listen-on port ${port} { ${four}; }; listen-on-v6 port ${port} { ${six}; };`
}

function zoneFile({ servers, records = [] }: BindZone): string {
  const [primary] = servers
  return [
    '$TTL 60',
    `@ IN SOA ${primary?.[0] ?? 'ns'}. hostmaster.invalid. 1 60 10 600 1`,
    ...servers.map(([name]) => `@ IN NS ${name}.`),
    ...records,
    '',
  ].join('\n')
}
