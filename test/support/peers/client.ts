/**
 * test/support/peers drives real ACME clients, unmodified, each in a folder of its own and with a clean environment.
 * One file per client; `clients.ts` lists them.
 */

import { chmod, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { cleanEnvironment, type Finished, findProgram, runProgram } from '../../../src/cli/demo/child.ts'
import { HOSTS_FILE, overlaid, SYSTEM_BUNDLE } from './overlay.ts'

export type Method = 'http-01' | 'dns-01' | 'tls-alpn-01'

/** What a client needs to know of its surroundings. */
export interface Surroundings {
  /** The client's own folder; made by the caller, empty at first. */
  readonly folder: string
  /** The ACME server's directory. */
  readonly directory: string
  /** PEM file with the root of the ACME server's TLS certificate, and of an `https://` proxy's. */
  readonly trust: string
  /** A web server on the port where the CA looks for http-01 answers serves this folder. */
  readonly webroot: string
  /** The DNS test server's management API. */
  readonly dnsManagement: string
  /** Address and port of that DNS server, for clients that ask whether an answer can be seen. */
  readonly dnsServer: string
  /** A folder: with it hooks make the file `reached` and wait for the file `open` before they publish. */
  readonly gate?: string
  /** URL of the proxy that the client is told of by HTTPS_PROXY. */
  readonly proxy?: string
  /** A file that the client reads in place of the machine's hosts file. Needs root. */
  readonly hosts?: string
  /** Where the CA looks for answers of clients that listen themselves: an address that nobody else uses, and ports. */
  readonly listens?: { readonly address: string; readonly httpPort: number; readonly tlsPort: number }
  /** An API for DNS records (lego's `httpreq`), reached over TLS, and PEM file of its root. */
  readonly dnsApi?: { readonly url: string; readonly trust: string }
  /** What the server told the operator to register with (RFC 8555 §7.3.4); for clients that know such keys. */
  readonly eab?: EabCredentials
}

export interface EabCredentials {
  readonly kid: string
  /** base64url. */
  readonly mac: string
}

/** One certificate that a client keeps: a name, or `*.` and a name with dns-01. */
export interface Wish {
  readonly name: string
  readonly method: Method
}

export interface AcmeClient {
  readonly name: string
  /** The challenges it can answer. */
  readonly methods: readonly Method[]
  /** What its `User-Agent` looks like. */
  readonly userAgent: RegExp
  /** False when one badNonce answer ends the client's run (it never tries again). */
  readonly survivesBadNonce: boolean
  /** True when it answers http-01 at an address of its own, not in the web server's folder. */
  readonly ownHttpServer?: boolean
  /** True when it can register with an EAB key. */
  readonly knowsEab?: boolean
  /** The names in a certificate it keeps for a wish, where that is more than the wish's name. */
  names?(wish: Wish): readonly string[]
  /** Why it can't run here, or null. */
  missing(): Promise<string | null>
  /** Register an account if there is none and obtain a certificate. */
  issue(surroundings: Surroundings, wish: Wish): Promise<Finished>
  /** Obtain it again though it is not due. Absent where the client has no way to. */
  renew?(surroundings: Surroundings, wish: Wish): Promise<Finished>
  /** Absent where the client has no way to. */
  revoke?(surroundings: Surroundings, wish: Wish): Promise<Finished>
  /** Change the key of its account (RFC 8555 §7.3.5). Absent where the client has no way to. */
  rollKey?(surroundings: Surroundings, wish: Wish): Promise<Finished>
  /** Deactivate its account (RFC 8555 §7.3.6). Absent where the client has no way to. */
  deactivate?(surroundings: Surroundings, wish: Wish): Promise<Finished>
  /** The PEM file where the client keeps the certificate. */
  certificate(surroundings: Surroundings, wish: Wish): string
}

/** A client that can do everything. */
export type WholeClient = AcmeClient & Required<Pick<AcmeClient, 'renew' | 'revoke'>>

/** The script that every client calls in its own way to publish challenge answers. */
export const HOOK = path.join(import.meta.dirname, 'hook.sh')

export function hookEnvironment(surroundings: Surroundings): Record<string, string> {
  return {
    HOOK_DNS: surroundings.dnsManagement,
    HOOK_WEBROOT: surroundings.webroot,
    ...(surroundings.gate === undefined ? {} : { HOOK_GATE: surroundings.gate }),
  }
}

export async function needs(...programs: string[]): Promise<string | null> {
  for (const program of programs) {
    if ((await findProgram(program)) === null) return `${program} is not installed`
  }
  return null
}

export interface ClientRun {
  /** It trusts the system's store and nothing else: the test's root is laid over that. */
  readonly trustsSystemStore?: boolean
  /** ms after which it is killed; 200 s. */
  readonly timeout?: number
}

/** What a client's process is started with: the program, its arguments, and a clean environment. */
export function clientCommand(
  program: string,
  args: readonly string[],
  surroundings: Surroundings,
  environment: Readonly<Record<string, string>>,
  { trustsSystemStore = false }: ClientRun = {},
): { program: string; args: string[]; environment: NodeJS.ProcessEnv } {
  const over = [
    ...(surroundings.hosts === undefined ? [] : [{ file: surroundings.hosts, over: HOSTS_FILE }]),
    ...(trustsSystemStore ? [{ file: surroundings.trust, over: SYSTEM_BUNDLE }] : []),
  ]
  return {
    ...overlaid(over, program, args),
    environment: cleanEnvironment(surroundings.folder, {
      ...hookEnvironment(surroundings),
      ...(surroundings.proxy === undefined ? {} : { HTTPS_PROXY: surroundings.proxy }),
      ...environment,
    }),
  }
}

/** Run one command of a client. */
export function runClient(
  program: string,
  args: readonly string[],
  surroundings: Surroundings,
  environment: Readonly<Record<string, string>>,
  run: ClientRun = {},
): Promise<Finished> {
  const command = clientCommand(program, args, surroundings, environment, run)
  return runProgram(command.program, command.args, {
    environment: command.environment,
    folder: surroundings.folder,
    timeout: run.timeout ?? 200_000,
  })
}

/** True when the proxy is spoken to over TLS. */
export function proxySpeaksTls(surroundings: Surroundings): boolean {
  return surroundings.proxy?.startsWith('https:') === true
}

/** The wish's name without `*.`. */
export function baseName(wish: Wish): string {
  return wish.name.replace(/^\*\./, '')
}

/** A folder under the client's own that programs without root's rights may enter. */
export async function openFolder(surroundings: Surroundings, name: string): Promise<string> {
  const folder = path.join(surroundings.folder, name)
  await mkdir(folder, { recursive: true })
  for (const each of [folder, surroundings.folder]) await chmod(each, 0o755)
  return folder
}
