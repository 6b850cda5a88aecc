/**
 * The dnsapi scripts of acme.sh (https://github.com/acmesh-official/acme.sh), where it is installed. Its functions and
 * the script are read by a shell in a clean environment with a home of its own that is removed afterwards: acme.sh's own
 * accounts and configuration are neither used nor changed, and secrets come from the environment only.
 */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import type { SolverConfig } from '../../config/engine-solvers.ts'
import type { Publisher, TxtRecord } from '../publisher.ts'
import { callProgram } from './call-program.ts'
import { createTurns } from './in-turn.ts'
import { solverError, systemFault } from './solver-error.ts'

export type AcmeShSettings = NonNullable<SolverConfig['acme_sh']>

/**
 * acme.sh runs the command its arguments name, also where it is only read; a command that does nothing leaves its
 * functions. What a script prints that went well is nobody's concern.
 */
const SCRIPT = [
  'acmetap_nothing() { :; }',
  'change=$1 name=$2 value=$3',
  'set -- acmetap_nothing',
  '. "$ACMETAP_ACME_SH" || exit 90',
  '. "$ACMETAP_DNSAPI" || exit 91',
  '"$change" "$name" "$value"',
].join('\n')

export function createAcmeSh(solver: string, settings: AcmeShSettings): Publisher {
  const inTurn = createTurns()
  const change =
    (action: 'add' | 'rm') =>
    ({ name, value }: TxtRecord, signal: AbortSignal) =>
      inTurn(async () => {
        const { program, script } = await findScript(solver, settings)
        const home = await makeHome(solver, name)
        try {
          await callProgram({
            solver,
            name,
            argv: ['/bin/sh', '-c', SCRIPT, program, `${settings.script}_${action}`, name, value],
            environment: settings.environment,
            // After what is configured: these keep acme.sh away from everything that is not for this call.
            fixed: {
              HOME: home,
              LE_WORKING_DIR: path.dirname(program),
              LE_CONFIG_HOME: home,
              ACCOUNT_CONF_PATH: path.join(home, 'account.conf'),
              DOMAIN_CONF: path.join(home, 'domain.conf'),
              HTTP_HEADER: path.join(home, 'http.header'),
              USER_AGENT: 'acme.sh',
              ACME_NO_COLOR: '1',
              NO_TIMESTAMP: '1',
              ACMETAP_ACME_SH: program,
              ACMETAP_DNSAPI: script,
            },
            title: `${settings.script} of acme.sh`,
            timeout: settings.timeout,
            signal,
            folder: home,
            advice: `See what ${settings.script} wants in its environment (acme.sh's wiki, dnsapi)`,
          })
        } finally {
          await rm(home, { recursive: true, force: true })
        }
      })
  return { add: change('add'), remove: change('rm') }
}

/** With an empty configuration, so that nothing is found there and nothing is missing. */
async function makeHome(solver: string, name: string): Promise<string> {
  try {
    const home = await mkdtemp(path.join(tmpdir(), 'acmetap-acme-sh-'))
    await writeFile(path.join(home, 'account.conf'), '', { mode: 0o600 })
    return home
  } catch (error) {
    throw solverError(
      solver,
      name,
      `${systemFault(error)} in ${tmpdir()}. acme.sh needs a folder there for each call`,
    )
  }
}

/** Where distributions and acme.sh's own installer put it. */
function usualPlaces(): string[] {
  return [
    path.join(homedir(), '.acme.sh'),
    '/usr/share/acme.sh',
    '/usr/local/share/acme.sh',
    '/usr/lib/acme.sh',
    '/opt/acme.sh',
    '/etc/acme.sh',
  ]
}

async function findScript(
  solver: string,
  { folder, script }: AcmeShSettings,
): Promise<{ readonly program: string; readonly script: string }> {
  const places = folder === undefined ? usualPlaces() : [folder]
  for (const place of places) {
    const program = await firstFile([
      path.join(place, 'acme.sh'),
      ...(folder === undefined ? ['/usr/bin/acme.sh', '/usr/local/bin/acme.sh'] : []),
    ])
    const found = await firstFile([
      path.join(place, 'dnsapi', `${script}.sh`),
      path.join(place, `${script}.sh`),
    ])
    if (program !== null && found !== null) return { program, script: found }
  }
  throw solverError(
    solver,
    null,
    `there is no acme.sh with dnsapi/${script}.sh in ${places.join(', ')}. Install it, name its folder, or correct the script`,
  )
}

async function firstFile(files: readonly string[]): Promise<string | null> {
  for (const file of files) if ((await stat(file).catch(() => null))?.isFile()) return file
  return null
}
