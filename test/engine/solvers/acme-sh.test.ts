import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { solver as solverSchema } from '../../../src/config/engine-solvers.ts'
import { challengeRecordValue } from '../../../src/engine/dns-name/challenge-record.ts'
import { createAcmeSh } from '../../../src/engine/solvers/acme-sh.ts'
import { solverOf } from '../../../src/engine/solvers/solver-of.ts'
import { type SolverWorld, solverContract } from '../../contract/solver.contract.ts'
import { noParts } from './no-parts.ts'

/**
 * In the shape of acme.sh: functions that scripts use, a configuration file that they write, and at the end the command
 * that its arguments name, or its help.
 */
const PROGRAM = String.raw`#!/usr/bin/env sh
_info() { printf '%s\n' "$1"; }
_err() { printf '%s\n' "$1" >&2; return 1; }
_readaccountconf_mutable() { sed -n "s/^SAVED_$1='\(.*\)'$/\1/p" "$ACCOUNT_CONF_PATH" 2>/dev/null; }
_saveaccountconf_mutable() { printf "SAVED_%s='%s'\n" "$1" "$2" >> "$ACCOUNT_CONF_PATH"; }
_process() { _err "Unknown parameter: $1"; exit 1; }
_startswith() { case $1 in "$2"*) return 0 ;; *) return 1 ;; esac; }
main() {
  [ -z "$1" ] && _err "Usage: acme.sh <command> ... [parameters ...]" && return
  if _startswith "$1" '-'; then _process "$@"; else "$@"; fi
}
main "$@"
`
/** In the shape of a script of dnsapi: credentials from the environment, else from what was saved; then the change. */
const SCRIPT = `#!/usr/bin/env sh
dns_files_add() {
  fulldomain=$1 txtvalue=$2
  if [ -z "$FILES_Token" ]; then FILES_Token=$(_readaccountconf_mutable FILES_Token); fi
  if [ -z "$FILES_Token" ]; then _err "You did not specify FILES_Token."; return 1; fi
  _saveaccountconf_mutable FILES_Token "$FILES_Token"
  if [ "$FILES_Token" = wrong-token-1 ]; then _err "invalid token: $FILES_Token"; return 1; fi
  [ -d "$FILES_Folder" ] || { _err "no folder"; return 1; }
  mkdir -p "$FILES_Folder/$fulldomain" && : > "$FILES_Folder/$fulldomain/$txtvalue"
  _info "added $fulldomain"
  env > "$FILES_Folder/environment"
}
dns_files_rm() {
  rm -f "$FILES_Folder/$1/$2"
}
`

let root: string
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'acmetap-acme-sh-test-'))
  await mkdir(path.join(root, 'acme.sh', 'dnsapi'), { recursive: true })
  await mkdir(path.join(root, 'records'))
  await writeFile(path.join(root, 'acme.sh', 'acme.sh'), PROGRAM)
  await writeFile(path.join(root, 'acme.sh', 'account.conf'), "SAVED_FILES_Token='of-acme-sh-itself'\n")
  await writeFile(path.join(root, 'acme.sh', 'dnsapi', 'dns_files.sh'), SCRIPT)
})
afterEach(() => rm(root, { recursive: true, force: true }))

const TOKEN = { FILES_Token: 'token-4711' }

const settings = (environment: Readonly<Record<string, string>> = TOKEN, script = 'dns_files') =>
  solverSchema.parse({
    name: 'provider',
    acme_sh: {
      script,
      folder: path.join(root, 'acme.sh'),
      environment: { FILES_Folder: path.join(root, 'records'), ...environment },
    },
    propagation: { check: 'none' },
  })

async function open(): Promise<SolverWorld> {
  return {
    make: () => solverOf(settings(), noParts),
    sees: async ({ identifier, keyAuthorization }) =>
      (
        await readdir(path.join(root, 'records', `_acme-challenge.${identifier.value}`)).catch(
          (): string[] => [],
        )
      ).includes(challengeRecordValue(keyAuthorization)),
    broken: () => solverOf(settings({ FILES_Token: 'wrong-token-1' }), noParts),
    close: async () => undefined,
  }
}

solverContract("acme.sh's dnsapi", 'dns-01', open, { wildcards: true })

describe("acme.sh's dnsapi", () => {
  const record = { name: '_acme-challenge.www.example.test', value: 'abc', ttl: 60 }
  const { signal } = new AbortController()
  const publisher = (environment?: Readonly<Record<string, string>>, script?: string) =>
    createAcmeSh('provider', settings(environment, script).acme_sh!)

  it('reads nothing of acme.sh itself, and writes nothing there', async () => {
    const failed = publisher({}).add(record, signal)
    await expect(failed).rejects.toThrow(/You did not specify FILES_Token\. See what dns_files wants/)
    await publisher().add(record, signal)
    expect(await readFile(path.join(root, 'acme.sh', 'account.conf'), 'utf8')).toBe(
      "SAVED_FILES_Token='of-acme-sh-itself'\n",
    )
    expect(await readdir(path.join(root, 'acme.sh'))).toEqual(['account.conf', 'acme.sh', 'dnsapi'])
  })

  it('has a home of its own, which is gone afterwards', async () => {
    process.env.ACMETAP_CANARY = 'canary-8731'
    try {
      await publisher().add(record, signal)
    } finally {
      delete process.env.ACMETAP_CANARY
    }
    const environment = await readFile(path.join(root, 'records', 'environment'), 'utf8')
    expect(environment).not.toContain('canary-8731')
    const home = /^HOME=(.*)$/m.exec(environment)?.[1] ?? ''
    expect(home).toContain('acmetap-acme-sh-')
    expect(await readdir(home).catch(() => 'gone')).toBe('gone')
    expect(environment).toContain(`ACCOUNT_CONF_PATH=${home}/account.conf`)
  })

  it('tells what the script says, without secrets', async () => {
    await expect(publisher({ FILES_Token: 'wrong-token-1' }).add(record, signal)).rejects.toThrow(
      /: dns_files of acme\.sh ended with code 1: invalid token: \[secret\]\. See what/,
    )
  })

  it('says where it looked for a script that is not there', async () => {
    await expect(publisher(TOKEN, 'dns_other').add(record, signal)).rejects.toThrow(
      /^solver provider: there is no acme\.sh with dnsapi\/dns_other\.sh in .*Install it, name its folder/,
    )
  })

  it('takes names and values for nothing but names and values', async () => {
    const evil = { name: '_acme-challenge.$(touch pwned).test', value: '-x; touch pwned', ttl: 60 }
    await publisher().add(evil, signal)
    expect(await readdir(path.join(root, 'records', evil.name))).toEqual([evil.value])
    await publisher().remove(evil, signal)
    expect(await readdir(path.join(root, 'records', evil.name))).toEqual([])
  })
})
