import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { solver as solverSchema } from '../../../src/config/engine-solvers.ts'
import { challengeRecordValue } from '../../../src/engine/dns-name/challenge-record.ts'
import type { Attempt } from '../../../src/engine/solver.ts'
import { createExecPublisher } from '../../../src/engine/solvers/exec.ts'
import { solverOf } from '../../../src/engine/solvers/solver-of.ts'
import { attemptFor, context, type SolverWorld, solverContract } from '../../contract/solver.contract.ts'
import { noParts } from './no-parts.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'acmetap-exec-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function program(text: string): Promise<string> {
  const file = path.join(folder, 'dns-update')
  await writeFile(file, `#!/bin/sh\n${text}\n`)
  await chmod(file, 0o755)
  return file
}

/** Keeps records in a file, one a line, by reading and writing it whole, as such scripts do. */
const KEEPING = (raw: boolean) => `
records=${raw ? '"$FOLDER/raw"' : '"$FOLDER/records"'}
touch "$records"
action=$1; shift
grep -vxF -- "$*" "$records" > "$records.new"
if [ "$action" = present ]; then echo "$*" >> "$records.new"; fi
sleep 0.01
mv "$records.new" "$records"`

const solverConfig = (command: string, more: Readonly<Record<string, unknown>> = {}) =>
  solverSchema.parse({
    name: 'script',
    exec: { command, environment: { FOLDER: folder }, ...more },
    propagation: { check: 'none' },
  })

const opened = (raw: boolean) => async (): Promise<SolverWorld> => {
  const command = await program(KEEPING(raw))
  const lines = async () =>
    (await readFile(path.join(folder, raw ? 'raw' : 'records'), 'utf8').catch(() => '')).split('\n')
  const lineOf = (attempt: Attempt) =>
    raw
      ? `-- ${attempt.identifier.value} ${attempt.token} ${attempt.keyAuthorization}`
      : `_acme-challenge.${attempt.identifier.value}. ${challengeRecordValue(attempt.keyAuthorization)}`
  return {
    make: () => solverOf(solverConfig(command, { mode: raw ? 'raw' : 'default' }), noParts),
    sees: async (attempt) => (await lines()).includes(lineOf(attempt)),
    broken: () =>
      solverOf(solverConfig(path.join(folder, 'missing'), { mode: raw ? 'raw' : 'default' }), noParts),
    close: async () => undefined,
  }
}

solverContract('exec', 'dns-01', opened(false), { wildcards: true })
solverContract('exec, raw', 'dns-01', opened(true), { wildcards: true })

describe('exec', () => {
  const record = { name: '_acme-challenge.www.example.test', value: 'abc', ttl: 60 }
  const publisher = async (text: string, environment: Record<string, string> = {}, timeout = 20_000) =>
    createExecPublisher('script', { command: await program(text), mode: 'default', environment, timeout })
  const { signal } = new AbortController()

  it('calls the program as lego does', async () => {
    const out = path.join(folder, 'out')
    const made = await publisher('for one in "$@"; do echo "[$one]"; done >> "$OUT"', { OUT: out })
    await made.add(record, signal)
    await made.remove(record, signal)
    expect(await readFile(out, 'utf8')).toBe(
      '[present]\n[_acme-challenge.www.example.test.]\n[abc]\n[cleanup]\n[_acme-challenge.www.example.test.]\n[abc]\n',
    )
  })

  it('calls it in raw mode as lego does, in which -- ends the options', async () => {
    const out = path.join(folder, 'out')
    const command = await program('for one in "$@"; do echo "[$one]"; done >> "$FOLDER/out"')
    const made = solverOf(solverConfig(command, { mode: 'raw' }), noParts)
    const attempt = attemptFor('www.example.test', 'dns-01', { wildcard: true })
    await made.present(attempt, context())
    await made.cleanUp(attempt, context())
    const args = `[--]\n[www.example.test]\n[${attempt.token}]\n[${attempt.keyAuthorization}]\n`
    expect(await readFile(out, 'utf8')).toBe(`[present]\n${args}[cleanup]\n${args}`)
  })

  it('gives it nothing of its own environment but PATH, HOME and LANG', async () => {
    process.env.ACMETAP_CANARY = 'canary-8731'
    try {
      const out = path.join(folder, 'out')
      await (await publisher('env > "$OUT"', { OUT: out, TOKEN: 'secret-1' })).add(record, signal)
      const names = (await readFile(out, 'utf8')).match(/^[A-Za-z_]+(?==)/gm) ?? []
      expect(new Set(names)).toEqual(
        new Set([
          'HOME',
          'LANG',
          'OUT',
          'PATH',
          'PWD',
          'TOKEN',
          ...names.filter((one) => ['SHLVL', '_', 'OLDPWD'].includes(one)),
        ]),
      )
    } finally {
      delete process.env.ACMETAP_CANARY
    }
  })

  it('tells the end of what it said, without secrets', async () => {
    const made = await publisher('echo begin; echo "401 for $TOKEN" >&2; exit 3', {
      TOKEN: 'hunter2-very-secret',
    })
    await expect(made.add(record, signal)).rejects.toThrow(
      /^solver script for _acme-challenge\.www\.example\.test: \S+dns-update ended with code 3: begin 401 for \[secret\]\. Run it by hand/,
    )
  })

  it('ends it with its children when it takes too long', async () => {
    const pids = path.join(folder, 'pids')
    const made = await publisher(
      `sleep 600 & echo $! > "$PIDS"; echo $$ >> "$PIDS"; wait`,
      { PIDS: pids },
      1_000,
    )
    await expect(made.add(record, signal)).rejects.toThrow(/took longer than 1 s/)
    for (const pid of (await readFile(pids, 'utf8')).trim().split('\n'))
      await expect.poll(() => isRunning(Number(pid)), { timeout: 10_000 }).toBe(false)
  })

  it('ends it when it is stopped', async () => {
    const pids = path.join(folder, 'pids')
    const made = await publisher(`echo $$ > "$PIDS"; sleep 600`, { PIDS: pids })
    const stop = new AbortController()
    const running = made.add(record, stop.signal)
    const outcome = running.then(() => null, String)
    await expect.poll(() => readFile(pids, 'utf8').catch(() => ''), { timeout: 10_000 }).toMatch(/\d/)
    stop.abort()
    expect(await outcome).toMatch(/stopped/)
    await expect
      .poll(async () => isRunning(Number(await readFile(pids, 'utf8'))), { timeout: 10_000 })
      .toBe(false)
  })

  it('refuses raw for dns-account-01, whose name the program does not know', () => {
    const config = solverSchema.parse({
      name: 'script',
      exec: { command: '/x', mode: 'raw' },
      type: 'dns-account-01',
    })
    expect(() => solverOf(config, noParts)).toThrow(/solver script is raw/)
  })
})

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
