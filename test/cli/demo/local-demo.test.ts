import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createColors } from 'picocolors'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadApplication } from '../../../src/cli/application.ts'
import { showLocal } from '../../../src/cli/demo/show-local.ts'
import { needs } from '../../support/peers/client.ts'

let folder: string
const { TMPDIR } = process.env

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'demo-test-'))
  process.env.TMPDIR = folder
})
afterEach(async () => {
  if (TMPDIR === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = TMPDIR
  await rm(folder, { recursive: true, force: true })
})

test('without a test CA it issues, refuses and revokes with a CA of its own, and leaves nothing behind', async (context) => {
  const reason = await needs('certbot')
  if (reason !== null) return context.skip(reason)
  let output = ''
  let list = ''
  const terminal = {
    env: {},
    columns: 200,
    colors: createColors(false),
    folder,
    now: () => Date.now() * 1000,
    write: (text: string) => {
      output += text
    },
    warn: () => {},
  }
  await showLocal(
    { terminal, application: loadApplication, exitWith: () => {} },
    async (world) => {
      list = await readFile(
        path.join(world.loaded.config.data, 'local-ca', 'demo-ca', 'demo-ca.crl'),
        'latin1',
      )
    },
    new AbortController().signal,
  )
  expect(output).toMatch(/1 {2}certbot asks for shop\.demo\.test\n {2}issued: serial [0-9A-F]{32}, by CN=/)
  expect(output).toMatch(/2 {2}certbot asks for www\.example\.com, .*\n {2}certbot: /)
  const [, serial = ''] = /issued: serial ([0-9A-F]{32})/.exec(output) ?? []
  expect(list).toContain(Buffer.from(serial, 'hex').toString('latin1'))
  const record = output.slice(output.indexOf('What the record tells'))
  expect(record.match(/ finalize /g)).toHaveLength(1)
  expect(record.match(/ revokeCert /g)).toHaveLength(1)
  expect(record).toContain('it is not among the names of the label')
  expect(await readdir(folder)).toEqual([])
})
