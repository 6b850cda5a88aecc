import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pkcs12 } from '../../../src/engine/managed/pkcs12.ts'
import { findProgram } from '../../support/child-process.ts'
import { obtained } from '../../support/engine/obtained-certificate.ts'

const run = promisify(execFile)
let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'p12-'))
  file = join(folder, 'web.p12')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const { kept, key, leaf, root } = obtained()
const serial = new X509Certificate(leaf).serialNumber
const make = async (password: string) => {
  const bytes = await pkcs12({ key, certificates: [leaf, root], friendlyName: 'web', password })
  await writeFile(file, bytes)
  return bytes
}

// Longer than a block of SHA-256 in UTF-16, and with letters outside of ASCII and of the BMP.
const PASSWORDS = ['secret', 'pässwörd €', 'x'.repeat(70), 'key 🔑']

describe.each(PASSWORDS)('password %s', (password) => {
  test('Node reads it, and nobody with another password', async () => {
    const pfx = await make(password)
    expect(() => createSecureContext({ pfx, passphrase: password })).not.toThrow()
    expect(() => createSecureContext({ pfx, passphrase: `${password}.` })).toThrow(/mac verify failure/)
  })

  test.skipIf(findProgram('openssl') === null)('openssl gets key and chain out', async () => {
    await make(password)
    const { stdout, stderr } = await run('openssl', [
      ...['pkcs12', '-in', file, '-passin', `pass:${password}`, '-nodes', '-info'],
    ])
    expect(stderr).toMatch(/MAC: sha256, Iteration 10000/)
    expect(stderr).toMatch(/Shrouded Keybag: PBES2, PBKDF2, AES-256-CBC, Iteration 10000, PRF hmacWithSHA256/)
    expect(stdout.match(/BEGIN CERTIFICATE/g)).toHaveLength(2)
    expect(stdout).toContain('friendlyName: web')
    expect(stdout.replace(/\s/g, '')).toContain(key.trim().replace(/\s/g, ''))
  })
})

test.skipIf(findProgram('keytool') === null)(
  'keytool lists an entry with key and chain',
  { timeout: 60_000 },
  async () => {
    await make('secret')
    const { stdout } = await run('keytool', [
      ...[
        '-J-Duser.language=en',
        '-list',
        '-v',
        '-storetype',
        'PKCS12',
        '-keystore',
        file,
        '-storepass',
        'secret',
      ],
    ])
    expect(stdout).toContain('Alias name: web')
    expect(stdout).toContain('Entry type: PrivateKeyEntry')
    expect(stdout).toContain('Certificate chain length: 2')
    expect(stdout).toContain(`Serial number: ${serial.toLowerCase().replace(/^0+/, '')}`)
  },
)

test.skipIf(findProgram('pk12util') === null)(
  'NSS takes it in, key included',
  { timeout: 60_000 },
  async () => {
    await make('secret')
    const store = `sql:${folder}`
    await run('certutil', ['-N', '-d', store, '--empty-password'])
    await run('pk12util', ['-i', file, '-d', store, '-W', 'secret'])
    const { stdout } = await run('certutil', ['-K', '-d', store])
    expect(stdout).toContain('web')
  },
)

test('without a certificate there is none; what is no key is refused', async () => {
  const contents = { key, certificates: [], friendlyName: 'web', password: 'x' }
  await expect(pkcs12(contents)).rejects.toThrow('there is no certificate')
  await expect(pkcs12({ ...contents, certificates: [leaf], key: kept.chain })).rejects.toThrow()
})
