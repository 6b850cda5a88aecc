import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compileCache } from '../../support/environment.ts'
import { needs } from '../../support/peers/client.ts'

const MAIN = path.resolve(import.meta.dirname, '..', '..', '..', 'src', 'main.ts')
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'demo-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** `acmetap demo ARGS` with its temporary files in `folder`; SIGINT once it has printed `interruptAt`. */
async function demo(args: readonly string[], interruptAt?: string) {
  const child = spawn(process.execPath, [MAIN, 'demo', ...args], {
    env: { PATH: process.env.PATH, TMPDIR: folder, HOME: folder, ...compileCache() },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let interrupted = false
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk
      if (interruptAt === undefined || interrupted || !output.includes(interruptAt)) return
      interrupted = true
      child.kill('SIGINT')
    })
  }
  // The streams end only when every process that holds them has: nothing is left running.
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, output, left: await readdir(folder) }
}

const whyNot = () => needs('pebble', 'pebble-challtestsrv', 'certbot')

test('shows a success, a failed validation and a repeat, and leaves nothing behind', async (context) => {
  const reason = await whyNot()
  if (reason !== null) return context.skip(reason)
  const { code, output, left } = await demo([])
  expect(code, output).toBe(0)
  expect(output).toMatch(/1 {2}certbot asks for shop\.demo\.test\n {2}issued: serial/)
  expect(output).toMatch(/certbot: Detail: Non-200 status code from HTTP/)
  expect(output).toMatch(/3 {2}certbot asks for shop\.demo\.test .*\n {2}issued again: serial/)
  expect(output).toMatch(/4 {2}certbot asks the CA itself for mail\.demo\.test, .*\n {2}issued: serial/)
  const record = output.slice(output.indexOf('What the record tells'))
  expect(record.match(/ finalize /g)).toHaveLength(3)
  expect(record.match(/ newOrder /g)).toHaveLength(4)
  expect(record).toContain('unauthorized: Non-200 status code')
  expect(left).toEqual([])
})

test('Ctrl-C in the middle cleans up', async (context) => {
  const reason = await whyNot()
  if (reason !== null) return context.skip(reason)
  const { code, output, left } = await demo([], '1  certbot asks')
  expect(code, output).toBe(130)
  expect(left).toEqual([])
})

test('--keep stays up until Ctrl-C', async (context) => {
  const reason = await whyNot()
  if (reason !== null) return context.skip(reason)
  const { code, output, left } = await demo(['--keep'], 'All stays up until Ctrl-C')
  expect(code, output).toBe(0)
  expect(output).toMatch(/\n {2}export ACMETAP_CONFIG=\S+acmetap\.yaml\n {2}(?:npx )?acmetap failures\n/)
  expect(output).toContain('Everything has been stopped and removed.')
  expect(left).toEqual([])
})

test('says what to install when a peer is missing', async () => {
  const child = spawn(process.execPath, [MAIN, 'demo'], {
    env: { PATH: folder, TMPDIR: folder, ...compileCache() },
    stdio: 'pipe',
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  expect(output).toContain('apt-get install --no-install-recommends certbot')
  expect(code).toBe(1)
})
