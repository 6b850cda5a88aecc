import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startPebble } from '../../src/cli/demo/pebble.ts'
import { startAcmetap } from '../support/acmetap-process.ts'
import { freePort } from '../support/child-process.ts'
import type { Surroundings } from '../support/peers/client.ts'
import { PROGRAMS, type ProgramName } from './programs.ts'

const POLICY = `version: 1
mode: enforce
rules:
  - name: accounts
    when: { operation: newAccount, client: { label: 127.0.0.1 } }
    effect: deny
    message: accounts here are made by the platform team
  - name: payments
    when: { operation: newOrder, names: pay.example.com }
    effect: deny
    message: '{name} is ordered by the payments team'
    owner: payments@example.com
    link: https://wiki.example.com/payments
  - name: keys
    when: { operation: finalize, names: weak.example.com, key: { type: [RSA, ECDSA] } }
    effect: deny
    message: a key of this type is not taken here
`

/** Where a denial meets a client, the names it wants, and what a person has to be able to read then. */
export const SITUATIONS = {
  'newOrder, one name': {
    names: ['pay.example.com'],
    readable: ['policy rule payments', 'pay.example.com is ordered by the payments team'],
  },
  'newOrder, one name of three': {
    names: ['www.example.com', 'pay.example.com', 'shop.example.com'],
    readable: ['policy rule payments', 'pay.example.com is ordered by the payments team'],
  },
  finalize: {
    names: ['weak.example.com'],
    readable: ['policy rule keys', 'weak.example.com', 'a key of this type is not taken here'],
  },
  newAccount: {
    names: ['www.example.com'],
    readable: ['policy rule accounts', 'accounts here are made by the platform team'],
  },
} as const
export type Situation = keyof typeof SITUATIONS

export interface Capture {
  /** What it printed, and what it wrote to its log file where it has one; as they would be on any machine. */
  readonly printed: string
  readonly logged: string | null
}

export interface CaptureWorld {
  capture(client: ProgramName, situation: Situation): Promise<Capture>
  close(): Promise<void>
}

/** acmetap in relay before Pebble, with a policy that denies in every situation. */
export async function startCaptureWorld(): Promise<CaptureWorld> {
  const folder = await mkdtemp(path.join(tmpdir(), 'captures-'))
  const own = path.join(folder, 'acmetap')
  const webroot = path.join(folder, 'web')
  await mkdir(own)
  await mkdir(path.join(webroot, '.well-known', 'acme-challenge'), { recursive: true })
  await writeFile(path.join(own, 'policy.yaml'), POLICY)
  const pebble = await startPebble({
    folder: path.join(folder, 'pebble'),
    nonceReject: 0,
    alwaysValid: true,
  })
  const port = await freePort()
  const acmetap = await startAcmetap({
    folder: own,
    directory: pebble.directory,
    trust: await readFile(pebble.trust, 'utf8'),
    ports: { acme: port, admin: await freePort() },
    sections: {
      policy: './policy.yaml',
      listeners: { acme: { address: '127.0.0.1', port, names: ['localhost', '127.0.0.1'] } },
      relay: ['localhost', '127.0.0.1'].map((host) => ({ host: `${host}:${port}`, ca: 'test' })),
    },
  })
  const trust = path.join(folder, 'listener.pem')
  await writeFile(trust, acmetap.trust)
  return {
    async capture(client, situation) {
      const { names } = SITUATIONS[situation]
      const clientFolder = await mkdtemp(path.join(folder, `${client}-`))
      const host = situation === 'newAccount' ? '127.0.0.1' : 'localhost'
      const around: Surroundings = {
        folder: clientFolder,
        directory: `https://${host}:${port}/dir`,
        trust,
        webroot,
        dnsManagement: pebble.dnsManagement,
        dnsServer: pebble.dnsServer,
        listens: { address: '127.0.0.1', httpPort: await freePort(), tlsPort: await freePort() },
      }
      const program = PROGRAMS[client]
      const { output, code } = await program.get(around, names)
      if (code === 0) throw new Error(`${client} saw no error: ${output}`)
      const file = program.logFile?.(around)
      const log = file === undefined ? null : await readFile(file, 'utf8')
      const as = (text: string): string => neutral(text, clientFolder)
      return { printed: as(output), logged: log === null ? null : as(log) }
    },
    async close() {
      await acmetap.stop()
      await pebble.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Without what is another one at every run: places, ports, identifiers, times. */
function neutral(text: string, folder: string): string {
  return text
    .replaceAll(`${folder}/logs`, '/var/log/letsencrypt')
    .replaceAll(folder, '/home/you')
    .replace(/(localhost|127\.0\.0\.1):\d+/g, 'acmetap.example.com')
    .replace(
      /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g,
      '019ab003-0000-7000-8000-000000000000',
    )
    .replace(
      /\d{4}([-/])\d\d\1\d\d \d\d:\d\d:\d\d/g,
      (_all, mark: string) => `${['2026', '11', '22'].join(mark)} 03:00:00`,
    )
    .replace(/"ts":[\d.]+/g, '"ts":1795316400.0')
    .replace(/(finalize-order|my-order|my-account)\/[\w-]+/g, '$1/…')
}

/** The lines in which a person reads why. */
export function tellingLines(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.includes('policy rule '))
  return [...new Set(lines.map((line) => line.trimEnd()))]
}
