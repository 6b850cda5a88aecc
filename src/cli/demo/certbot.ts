import path from 'node:path'
import { cleanEnvironment, type Finished, needProgram, runProgram } from './child.ts'

export interface CertbotRun {
  /** Holds certbot's configuration, work files and logs; nothing of the system's certbot is touched. */
  readonly folder: string
  /** PEM file with the root that signed the ACME server's TLS certificate. */
  readonly trust: string
  readonly server: string
  /** `http://host:port`; without it certbot goes straight. */
  readonly proxy?: string
  /** What comes after the common options: `certonly --standalone -d name …`. */
  readonly arguments: readonly string[]
  readonly signal?: AbortSignal
}

/** certbot's options that keep it in `folder`, without a terminal. */
export function certbotArguments(run: Pick<CertbotRun, 'folder' | 'server' | 'arguments'>): string[] {
  const [verb = 'certonly', ...rest] = run.arguments
  return [
    verb,
    '--non-interactive',
    ...['--server', run.server],
    ...['--config-dir', path.join(run.folder, 'config')],
    ...['--work-dir', path.join(run.folder, 'work')],
    ...['--logs-dir', path.join(run.folder, 'logs')],
    ...rest,
  ]
}

/** Run an unmodified certbot. */
export async function runCertbot(run: CertbotRun): Promise<Finished> {
  return runProgram(await needProgram('certbot'), certbotArguments(run), {
    environment: cleanEnvironment(run.folder, {
      REQUESTS_CA_BUNDLE: run.trust,
      ...(run.proxy === undefined ? {} : { HTTPS_PROXY: run.proxy }),
    }),
    folder: run.folder,
    signal: run.signal,
  })
}
