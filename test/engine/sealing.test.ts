import { randomBytes, randomInt } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createSealing } from '../../src/engine/create-sealing.ts'
import { EngineError } from '../../src/engine/engine-error.ts'
import { rewrap } from '../../src/engine/rewrap.ts'
import type { Sealed, SealedPlace } from '../../src/engine/sealing.ts'
import { readSealingSecret, sealingSecretFile } from '../../src/engine/sealing-secret.ts'
import { engineAccount, engineJob, keptCertificate } from '../support/engine/engine-values.ts'
import { MemoryEngineStore } from '../support/engine/memory-engine-store.ts'

const KEY = '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n'
const PLACE: SealedPlace = { table: 'account', id: 'a1', column: 'key' }

describe('sealing', () => {
  const sealing = createSealing(randomBytes(32))
  const elsewhere: SealedPlace[] = [
    { ...PLACE, id: 'a2' },
    { ...PLACE, table: 'job' },
    { ...PLACE, column: 'nextKey' },
    { table: 'account', id: 'a1","key', column: 'key' },
  ]

  test('gives back what was sealed, and another text each time', () => {
    const sealed = sealing.seal(KEY, PLACE)
    expect(sealed).not.toContain('PRIVATE')
    expect(sealing.seal(KEY, PLACE)).not.toBe(sealed)
    expect(sealing.open(sealed, PLACE)).toBe(KEY)
    expect(sealing.open(sealing.seal('', PLACE), PLACE)).toBe('')
    expect(sealing.open(sealing.seal('ß€😀', PLACE), PLACE)).toBe('ß€😀')
  })

  test('opens in its place only', () => {
    const sealed = sealing.seal(KEY, PLACE)
    for (const place of elsewhere) expect(() => sealing.open(sealed, place)).toThrow(EngineError)
  })

  test('opens nothing of which a bit was changed', () => {
    const parts = sealing.seal(KEY, PLACE).split('.')
    let refused = 0
    for (let round = 0; round < 1_000; round++) {
      const at = 1 + (round % 4)
      const bytes = Buffer.from(parts[at]!, 'base64url')
      bytes[randomInt(bytes.length)]! ^= 1 << randomInt(8)
      const changed = parts.with(at, bytes.toString('base64url')).join('.') as Sealed
      try {
        sealing.open(changed, PLACE)
      } catch (error) {
        if (error instanceof EngineError && !error.message.includes('PRIVATE')) refused++
      }
    }
    expect(refused).toBe(1_000)
  })

  test('opens no text that is cut, longer, or of another version', () => {
    const sealed = sealing.seal(KEY, PLACE)
    const others = [
      '',
      'v1',
      'v2',
      `${sealed}.AA`,
      `${sealed}A`,
      sealed.slice(0, -4),
      sealed.replace('v1', 'v2'),
    ]
    for (const other of [...others, ` ${sealed}`, sealed.split('.').slice(0, 4).join('.')])
      expect(() => sealing.open(other as Sealed, PLACE), other).toThrow(EngineError)
  })

  test('says so when another secret sealed it', () => {
    const other = createSealing(randomBytes(32)).seal(KEY, PLACE)
    expect(() => sealing.open(other, PLACE)).toThrow('sealed under another secret')
    expect(() => createSealing(randomBytes(31))).toThrow(TypeError)
  })
})

describe('rewrapping', () => {
  test('seals everything under the new secret; repeating it changes nothing', async () => {
    const [before, after] = [randomBytes(32), randomBytes(32)]
    const old = createSealing(before)
    const store = new MemoryEngineStore()
    const job = engineJob({ key: null })
    const seal = (table: SealedPlace['table'], id: string, column: SealedPlace['column'] = 'key') =>
      old.seal(`${table}/${column}`, { table, id, column })
    await store.putAccount(
      engineAccount({ key: seal('account', 'a1'), nextKey: seal('account', 'a1', 'nextKey') }),
    )
    await store.addJob({ ...job, key: seal('job', job.id) })
    await store.putIssued(
      { ...job, step: 'done', key: seal('job', job.id) },
      keptCertificate({ key: seal('certificate', 'www.example.com') }),
    )
    const kept = {
      file: 'engine.sqlite',
      sealed: () => store.sealed(),
      reseal: (changes: Parameters<typeof store.reseal>[0]) => store.reseal(changes),
    }
    await expect(rewrap([kept], randomBytes(32), after)).rejects.toThrow(
      'neither by the old secret nor by the new',
    )
    expect(await rewrap([kept], before, after)).toBe(4)
    expect(await rewrap([kept], before, after)).toBe(0)
    const opened = (await store.sealed()).map(({ place, sealed }) => createSealing(after).open(sealed, place))
    expect(opened.sort()).toEqual(['account/key', 'account/nextKey', 'certificate/key', 'job/key'])
  })
})

describe('the secret of sealing', () => {
  let data: string
  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'acmetap-secret-'))
  })
  afterEach(() => rm(data, { recursive: true }))
  const bytes = randomBytes(32)

  test('is not made anew where it was lost: it would open nothing, and seal beside what it cannot open', async () => {
    const lost = readSealingSecret({ data, isSealed: async () => true })
    await expect(lost).rejects.toMatchObject({
      fault: 'input',
      message: expect.stringContaining('Put it back'),
    })
    await expect(stat(sealingSecretFile(data))).rejects.toThrow('ENOENT')
    const made = await readSealingSecret({ data, isSealed: async () => false })
    expect(await readSealingSecret({ data, isSealed: async () => true })).toEqual(made)
  })

  test('is made at first use, for its owner alone, and is the same then', async () => {
    const [one, other] = await Promise.all([readSealingSecret({ data }), readSealingSecret({ data })])
    expect(one).toHaveLength(32)
    expect(other).toEqual(one)
    expect(await readSealingSecret({ data })).toEqual(one)
    expect((await stat(sealingSecretFile(data))).mode & 0o777).toBe(0o600)
  })

  test.each(['hex', 'base64', 'base64url'] as const)('may be written as %s', async (encoding) => {
    const secret = bytes.toString(encoding)
    expect(await readSealingSecret({ data, secret })).toEqual(bytes)
    const file = join(data, 'its.key')
    await writeFile(file, `${secret}\r\nmore`, { mode: 0o600 })
    expect(await readSealingSecret({ data, secret_file: file })).toEqual(bytes)
  })

  test('is refused where it is none, without being shown', async () => {
    for (const secret of [
      '',
      'hunter2hunter2',
      bytes.toString('hex').slice(1),
      `${bytes.toString('base64')}AA`,
    ]) {
      const failure = await readSealingSecret({ data, secret }).catch((error: Error) => error)
      expect(failure).toBeInstanceOf(EngineError)
      expect((failure as Error).message).toMatch(/^engine\.secret must be 32 bytes/)
      if (secret !== '') expect((failure as Error).message).not.toContain(secret)
    }
    await expect(readSealingSecret({ data, secret_file: join(data, 'none') })).rejects.toThrow(
      'there is no key file',
    )
  })

  test('is refused where others may read its file', async () => {
    await readSealingSecret({ data })
    const file = sealingSecretFile(data)
    await chmod(file, 0o640)
    await expect(readSealingSecret({ data })).rejects.toThrow('chmod 600')
    await expect(readSealingSecret({ data, secret_file: file })).rejects.toThrow('mode 0640')
    await writeFile(file, '')
    await chmod(file, 0o600)
    await expect(readSealingSecret({ data })).rejects.toThrow('the first line of')
    expect(await readFile(file, 'utf8')).toBe('')
  })
})
