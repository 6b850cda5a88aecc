import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type RunProgramOptions, runProgram } from '../../src/engine/run-program.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const options = (given: Partial<RunProgramOptions> = {}): RunProgramOptions => ({
  environment: {},
  timeout: 30_000,
  signal: new AbortController().signal,
  secrets: [],
  ...given,
})
const shell = (script: string, given: Partial<RunProgramOptions> = {}) =>
  runProgram(['/bin/sh', '-c', script], options(given))

test('its environment is clean', async () => {
  process.env.CANARY_SECRET = 'canary'
  try {
    const { output, trouble } = await runProgram(['env'], options({ environment: { A: 'b c' } }))
    const names = output.split('\n').map((line) => line.replace(/=.*/, ''))
    expect(names.sort()).toEqual(['A', 'HOME', 'LANG', 'PATH'])
    expect(output).toContain('A=b c')
    expect(trouble).toBeNull()
  } finally {
    delete process.env.CANARY_SECRET
  }
})

test('arguments go through no shell', async () => {
  const { output } = await runProgram(['printf', '%s|', '$HOME', '`id`', 'a b;c'], options())
  expect(output).toBe('$HOME|`id`|a b;c|')
})

test('what became of it', async () => {
  expect(await shell('echo out; echo err >&2; exit 3')).toMatchObject({
    code: 3,
    trouble: 'ended with code 3',
    output: expect.stringMatching(/out\s+err|err\s+out/),
  })
  expect(await shell('kill -9 $$')).toMatchObject({ code: null, trouble: 'was ended by SIGKILL' })
  expect(await runProgram(['/does/not/exist'], options())).toMatchObject({
    code: null,
    trouble: 'cannot be started: there is no such program, or no such folder',
  })
})

test('after its time the whole group is ended, children that ignore it too', async () => {
  const file = join(folder, 'pid')
  const result = await shell(
    `trap '' TERM; (trap '' TERM; sh -c 'echo $$ > ${file}; trap "" TERM; sleep 600') & wait; sleep 600`,
    { timeout: 500 },
  )
  expect(result).toMatchObject({ code: null, trouble: 'took longer than 0.5 s' })
  const child = Number(await readFile(file, 'utf8'))
  await vi.waitFor(() => expect(isAlive(child)).toBe(false), 5_000)
})

test('an abort ends it, and rejects with the reason', async () => {
  const stop = new AbortController()
  const file = join(folder, 'pid')
  const running = shell(`echo $$ > ${file}; sleep 600`, { signal: stop.signal })
  const pid = await vi.waitFor(async () => {
    const text = await readFile(file, 'utf8')
    expect(text).not.toBe('')
    return Number(text)
  }, 5_000)
  stop.abort(new Error('stopping'))
  await expect(running).rejects.toThrow('stopping')
  expect(isAlive(pid)).toBe(false)
  await expect(shell('true', { signal: stop.signal })).rejects.toThrow('stopping')
})

test.each([
  ['an abort', 60_000],
  ['its time', 300],
])(
  'nothing of it runs any more when %s has ended it, though its children ignore that',
  async (_, timeout) => {
    const stop = new AbortController()
    const file = join(folder, 'pid')
    const running = shell(
      `sh -c 'trap "" TERM; echo $$ > ${file}; while :; do sleep 0.1; done' & while :; do sleep 0.1; done`,
      { signal: stop.signal, timeout },
    )
    const child = await vi.waitFor(async () => {
      const text = await readFile(file, 'utf8')
      expect(text).not.toBe('')
      return Number(text)
    }, 5_000)
    if (timeout > 1_000) stop.abort(new Error('stopping'))
    await running.catch(() => undefined)
    // Dead, though whoever inherits it may not have been told yet.
    const state =
      (await readFile(`/proc/${child}/stat`, 'utf8').catch(() => '')).split(') ').at(-1)?.[0] ?? 'X'
    expect(state).toMatch(/[ZX]/)
  },
)

test('what it leaves running holds nothing up', async () => {
  const { output, trouble } = await shell('echo started; sleep 20 & echo $! ')
  expect(trouble).toBeNull()
  const pid = Number(output.split('\n').at(-1))
  expect(isAlive(pid)).toBe(true)
  process.kill(pid, 'SIGKILL')
})

test('secrets are not shown, whole or at the edge of what is kept', async () => {
  const secret = Array.from({ length: 50 }, (_, at) => `S3cr3t${at}.`).join('')
  const { output } = await shell('echo "token=$TOKEN"; echo done', {
    environment: { TOKEN: secret },
    secrets: [secret],
  })
  expect(output).toBe('token=[secret]\ndone')
  // Printed without end, it is cut somewhere: no half of it may be left.
  const flood = await shell(
    'i=0; while [ $i -lt 400 ]; do printf %s "$TOKEN"; i=$((i+1)); done; echo; echo end',
    {
      environment: { TOKEN: secret },
      secrets: [secret],
    },
  )
  expect(flood.output).not.toContain('S3cr3t')
  expect(flood.output.endsWith('end')).toBe(true)
  expect(flood.output.length).toBeLessThanOrEqual(2_000)
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
