/** The DNS of the lab: BIND is the root, the zones and the resolver; Knot has a zone of its own where it can be had. */
import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { needProgram } from '../../src/cli/demo/child.ts'
import { type StartedProcess, startProcess } from '../support/child-process.ts'
import { type BindKey, makeBindKey, named as namedProgram } from '../support/peers/bind.ts'
import { AT, KNOT_ZONE, RESPONDER_ZONE, TARGET_ZONE, ZONE } from './places.ts'

export interface LabDns {
  /** May write TXT records in the zones, at BIND and at Knot. */
  readonly key: BindKey
  /** File for `nsupdate -k`. */
  readonly keyFile: string
  readonly hasKnot: boolean
  /** Commands of nsupdate, by one who may write everything. Throws with what it said. */
  update(...lines: readonly string[]): void
  /** TXT records below `_acme-challenge` that are there now, in all zones that are written. */
  leftovers(): string[]
  stop(): Promise<void>
}

/** `hosts`: of each label in the zone its address; names below a label have it too. `aliases`: by name in the zone. */
export async function startLabDns(
  folder: string,
  hosts: Readonly<Record<string, string>>,
  aliases: Readonly<Record<string, string>>,
): Promise<LabDns> {
  await mkdir(folder, { recursive: true })
  const [key, master] = [makeBindKey('acmetap.lab.test'), makeBindKey('master.lab.test')]
  const declared = [key, master]
    .map(({ name, algorithm, secret }) => `key "${name}" { algorithm ${algorithm}; secret "${secret}"; };\n`)
    .join('')
  const [named, conf] = [await namedProgram(), path.join(folder, 'named.conf')]
  const policy = `update-policy { grant ${key.name} zonesub TXT; grant ${master.name} zonesub ANY; };`
  const zone = (name: string, file: string, more = '') =>
    `zone "${name}" { type primary; file "${path.join(folder, file)}"; ${more} };\n`
  await writeFile(
    conf,
    `options { directory "${folder}"; pid-file none; session-keyfile none; dnssec-validation no; empty-zones-enable no;
  listen-on { ${AT.dns}; }; listen-on-v6 { none; }; recursion yes; allow-recursion { any; }; allow-transfer { any; };
  max-ncache-ttl 0; max-cache-ttl 1; };
controls { };
${declared}${zone('.', 'root')}${zone(ZONE, 'zone', policy)}${zone(TARGET_ZONE, 'target', policy)}`,
  )
  const start = ['$TTL 1', `@ IN SOA ns.${ZONE}. hostmaster.${ZONE}. 1 60 10 600 1`, `@ IN NS ns.${ZONE}.`]
  const delegated = (name: string, address: string) => [
    `${name}. IN NS ns.${name}.`,
    `ns.${name}. IN A ${address}`,
  ]
  const write = (file: string, lines: readonly string[]) =>
    writeFile(path.join(folder, file), `${[...start, ...lines].join('\n')}\n`)
  await write('root', [])
  await write('target', [])
  await write('zone', [
    `ns IN A ${AT.dns}`,
    ...Object.entries(hosts).flatMap(([label, at]) => [`${label} IN A ${at}`, `*.${label} IN A ${at}`]),
    ...Object.entries(aliases).map(([name, target]) => `${name} IN CNAME ${target}.`),
    ...delegated(RESPONDER_ZONE, AT.responder),
    ...delegated(KNOT_ZONE, AT.knot),
  ])
  const started: StartedProcess[] = [startProcess(named, ['-g', '-c', conf, '-n', '1'], { cwd: folder })]
  await said(started[0]!, 'all zones loaded')
  const keyFile = path.join(folder, 'update.key')
  const masterFile = path.join(folder, 'master.key')
  await writeFile(keyFile, keyText(key), { mode: 0o600 })
  await writeFile(masterFile, keyText(master), { mode: 0o600 })
  const knot = await startKnot(path.join(folder, 'knot'), key)
  if (knot !== null) started.push(knot)
  const transferred = (zone: string, server: string) =>
    execFileSync('dig', [`@${server}`, zone, 'AXFR', '+noall', '+answer', '+onesoa'], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => /^_acme-challenge\S*\s.*\sTXT\s/.test(line))
  return {
    key,
    keyFile,
    hasKnot: knot !== null,
    update(...lines) {
      execFileSync('nsupdate', ['-k', masterFile], {
        input: [`server ${AT.dns}`, ...lines, 'send', ''].join('\n'),
        stdio: ['pipe', 'pipe', 'pipe'],
      })
    },
    leftovers: () => [
      ...transferred(ZONE, AT.dns),
      ...transferred(TARGET_ZONE, AT.dns),
      ...(knot === null ? [] : transferred(KNOT_ZONE, AT.knot)),
    ],
    async stop() {
      for (const one of started) await one.stop()
    },
  }
}

const keyText = ({ name, algorithm, secret }: BindKey) =>
  `key "${name}" { algorithm ${algorithm}; secret "${secret}"; };\n`

/** Null where it is neither installed nor unpacked in the folder that ACMETAP_KNOT names. */
async function startKnot(folder: string, key: BindKey): Promise<StartedProcess | null> {
  const unpacked = process.env.ACMETAP_KNOT
  const program =
    unpacked === undefined
      ? await needProgram('knotd', 'knot').catch(() => null)
      : `${unpacked}/usr/sbin/knotd`
  if (program === null) return null
  await mkdir(folder, { recursive: true })
  const conf = path.join(folder, 'knot.conf')
  await writeFile(
    path.join(folder, 'zone'),
    ['$TTL 1', `@ IN SOA ns.${KNOT_ZONE}. hostmaster.${KNOT_ZONE}. 1 60 10 600 1`]
      .concat([`@ IN NS ns.${KNOT_ZONE}.`, `ns IN A ${AT.knot}`, ''])
      .join('\n'),
  )
  await writeFile(
    conf,
    `server:
    rundir: ${folder}
    listen: ${AT.knot}@53
log:
  - target: stderr
    any: info
database:
    storage: ${folder}
key:
  - id: ${key.name}
    algorithm: ${key.algorithm}
    secret: ${key.secret}
acl:
  - id: update
    key: ${key.name}
    action: update
  - id: transfer
    address: 0.0.0.0/0
    action: transfer
zone:
  - domain: ${KNOT_ZONE}
    storage: ${folder}
    file: zone
    acl: [update, transfer]
`,
  )
  const started = startProcess(program, ['-c', conf], {
    cwd: folder,
    env: unpacked === undefined ? {} : { LD_LIBRARY_PATH: `${unpacked}/usr/lib/x86_64-linux-gnu` },
  })
  await said(started, 'server started')
  return started
}

async function said(started: StartedProcess, text: string): Promise<void> {
  while (!started.output().includes(text)) {
    if (started.child.exitCode !== null) throw new Error(started.output())
    await sleep(20)
  }
}
