/**
 * test/support/peers drives real ACME clients, unmodified, each in a folder of its own and with a clean environment.
 * One file per client; `clients.ts` lists them.
 */

import path from 'node:path'
import { cleanEnvironment, type Finished, findProgram, runProgram } from '../../../src/cli/demo/child.ts'

export type Method = 'http-01' | 'dns-01'

/** What a client needs to know of its surroundings. */
export interface Surroundings {
  /** The client's own folder; made by the caller, empty at first. */
  readonly folder: string
  /** The ACME server's directory. */
  readonly directory: string
  /** PEM file with the root of the ACME server's TLS certificate. */
  readonly trust: string
  /** A web server on the port where the CA looks for http-01 answers serves this folder. */
  readonly webroot: string
  /** The DNS test server's management API. */
  readonly dnsManagement: string
  /** A folder: with it hooks make the file `reached` and wait for the file `open` before they publish. */
  readonly gate?: string
}

/** One certificate that a client keeps: a name, or `*.` and a name with dns-01. */
export interface Wish {
  readonly name: string
  readonly method: Method
}

export interface AcmeClient {
  readonly name: string
  /** False when one badNonce answer ends the client's run (it never tries again). */
  readonly survivesBadNonce: boolean
  /** Why it can't run here, or null. */
  missing(): Promise<string | null>
  /** Register an account if there is none and obtain a certificate. */
  issue(surroundings: Surroundings, wish: Wish): Promise<Finished>
  /** Obtain it again though it is not due. */
  renew(surroundings: Surroundings, wish: Wish): Promise<Finished>
  revoke(surroundings: Surroundings, wish: Wish): Promise<Finished>
  /** The PEM file where the client keeps the certificate. */
  certificate(surroundings: Surroundings, wish: Wish): string
}

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

/** Run one command of a client. */
export function runClient(
  program: string,
  args: readonly string[],
  surroundings: Surroundings,
  environment: Readonly<Record<string, string>>,
): Promise<Finished> {
  return runProgram(program, args, {
    environment: cleanEnvironment(surroundings.folder, { ...hookEnvironment(surroundings), ...environment }),
    folder: surroundings.folder,
    timeout: 100_000,
  })
}

/** The wish's name without `*.`. */
export function baseName(wish: Wish): string {
  return wish.name.replace(/^\*\./, '')
}
