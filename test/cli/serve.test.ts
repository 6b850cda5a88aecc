import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { askAdmin } from '../support/acmetap-process.ts'
import { freePort } from '../support/child-process.ts'
import { compileCache } from '../support/environment.ts'

const MAIN = path.join(import.meta.dirname, '..', '..', 'src', 'main.ts')
const FIXTURE = path.join(import.meta.dirname, 'fixtures', 'serve-with-fake.ts')
const GOOD =
  'version: 1\ncas: { p: { directory: "https://a.example/d" } }\nrelay: [{ host: localhost, ca: p }]\n'

let folder: string
let config: string
let child: ChildProcess
let said: string
let ended: Promise<number | null>

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'serve-'))
  config = path.join(folder, 'acmetap.yaml')
  writeFileSync(config, GOOD)
})
afterEach(() => {
  child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

function serve(behaviour: string): void {
  said = ''
  child = spawn(process.execPath, [FIXTURE, config, behaviour], {
    env: compileCache(),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  ended = new Promise((resolve) => child.on('close', resolve))
}

const hears = (what: RegExp) => expect.poll(() => said, { timeout: 20_000 }).toMatch(what)

test('says where it listens, and ends with 0 on SIGTERM', async () => {
  serve('')
  await hears(/listening: acme 127\.0\.0\.1:8443\nlistening: admin \[::1\]:9080\n/)
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
  expect(said).toMatch(/SIGTERM: ending as soon as .*\nended\n$/)
})

test('a second signal ends at once', async () => {
  serve('hang')
  await hears(/listening: admin/)
  child.kill('SIGINT')
  await hears(/SIGINT: ending/)
  child.kill('SIGTERM')
  expect(await ended).toBe(1)
  expect(said).toMatch(/SIGTERM again: ending at once/)
})

test('SIGHUP reads the configuration again; a bad file changes nothing and says why', async () => {
  serve('')
  await hears(/listening: admin/)
  child.kill('SIGHUP')
  await hears(/configuration read again: [0-9a-f]{64}\n/)
  writeFileSync(config, `${GOOD}proxy: {}\n`)
  child.kill('SIGHUP')
  await hears(/acmetap\.yaml:4:1: proxy: unknown key.*\nthe configuration was not changed\n/)
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
})

test.each([
  ['EADDRINUSE', /another program listens on 127\.0\.0\.1:9080\n.*sport = :9080.*acmetap\.yaml/],
  ['EACCES', /no right to listen on 127\.0\.0\.1:9080\n.*CAP_NET_BIND_SERVICE/],
  ['EADDRNOTAVAIL', /this machine has no address 127\.0\.0\.1\n.*0\.0\.0\.0/],
])('an address that gives %s is no start, and what to do is said', async (code, says) => {
  serve(code)
  expect(await ended).toBe(1)
  expect(said).toMatch(says)
})

test('a bad configuration is no start', async () => {
  writeFileSync(config, 'version: 3\n')
  serve('')
  expect(await ended).toBe(1)
  expect(said).toMatch(/acmetap\.yaml:1:10: version: must be 1\n$/)
})

test('goes on when nobody reads its standard output any more', async () => {
  const admin = await freePort()
  const listeners = `listeners: { acme: { port: 0 }, admin: { port: ${admin} } }\n`
  const closed = await freePort()
  writeFileSync(
    config,
    `version: 1\n${listeners}cas: { p: { directory: "https://127.0.0.1:${closed}/d" } }\nrelay: [{ host: localhost, ca: p }]\nsinks: [{ name: out, stdout: true, from: start }]\n`,
  )
  said = ''
  child = spawn(process.execPath, [MAIN, 'serve', '--config', config], {
    env: compileCache(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout!.destroy()
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  ended = new Promise((resolve) => child.on('close', resolve))
  await hears(/listening: admin/)
  const writes = async () => (await askAdmin(`http://127.0.0.1:${admin}/metrics`))?.body ?? ''
  await expect.poll(writes, { timeout: 20_000 }).toMatch(/acmetap_exchanges_total\{mode="engine"[^}]*\} \d/)
  // The sink has written by then: a process that ends of it has ended.
  await sleep(1500)
  expect((await askAdmin(`http://127.0.0.1:${admin}/healthz`))?.status).toBe(200)
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
})
