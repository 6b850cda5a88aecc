/** Clients that obtain one certificate per process, each by its own http-01 responder on Pebble's port. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { certbotArguments } from '../../../src/cli/demo/certbot.ts'
import { cleanEnvironment, findProgram } from '../../../src/cli/demo/child.ts'
import type { Pebble } from '../../../src/cli/demo/pebble.ts'
import type { Program } from './timed-run.ts'

export interface IssuingClient {
  readonly name: string
  issue(names: readonly string[]): Program
}

/** `main`: acmetap's, built or not. Makes its configuration in `folder`. */
export function acmetap(folder: string, main: string, pebble: Pebble): IssuingClient {
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'acmetap.yaml'), configuration(pebble))
  return {
    name: 'acmetap',
    issue: (names) => ({
      program: process.execPath,
      args: [main, 'engine', 'issue', ...names, '--ca', 'pebble'],
      folder,
      environment: cleanEnvironment(folder),
    }),
  }
}

export function configuration(pebble: Pebble, more: readonly string[] = []): string {
  const lines = [
    'version: 1',
    'data: ./data',
    `cas: { pebble: { directory: '${pebble.directory}', trust: '${pebble.trust}' } }`,
    'engine:',
    `  accounts: [{ ca: pebble, contact: ['mailto:operator@example.test'], agree_terms: true }]`,
    `  solvers: [{ name: web, http: { address: 127.0.0.1, port: ${pebble.httpPort} } }]`,
    ...more,
  ]
  return `${lines.join('\n')}\n`
}

/** Null where it is not installed. */
export async function lego(folder: string, pebble: Pebble): Promise<IssuingClient | null> {
  const program = await findProgram('lego')
  if (program === null) return null
  mkdirSync(folder, { recursive: true })
  return {
    name: 'lego',
    issue: (names) => ({
      program,
      args: [
        ...['--server', pebble.directory, '--path', folder],
        ...['--accept-tos', '--email', 'operator@example.test'],
        ...['--http', '--http.port', `127.0.0.1:${pebble.httpPort}`],
        ...names.flatMap((name) => ['--domains', name]),
        'run',
      ],
      folder,
      environment: cleanEnvironment(folder, { LEGO_CA_CERTIFICATES: pebble.trust }),
    }),
  }
}

/** Null where it is not installed. */
export async function certbot(folder: string, pebble: Pebble): Promise<IssuingClient | null> {
  const program = await findProgram('certbot')
  if (program === null) return null
  mkdirSync(folder, { recursive: true })
  return {
    name: 'certbot',
    issue: (names) => ({
      program,
      args: certbotArguments({
        folder,
        server: pebble.directory,
        arguments: [
          ...['certonly', '--standalone', '--http-01-port', String(pebble.httpPort)],
          ...['--http-01-address', '127.0.0.1'],
          ...['--agree-tos', '--register-unsafely-without-email'],
          ...names.flatMap((name) => ['-d', name]),
        ],
      }),
      folder,
      environment: cleanEnvironment(folder, { REQUESTS_CA_BUNDLE: pebble.trust }),
    }),
  }
}
