import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { MemoryNonces } from '../../src/broker/memory-nonces.ts'

test('J11: 1,000,000 nonces are good once, 100,000 replays are not', async () => {
  const nonces = new MemoryNonces()
  let good = 0
  const used: string[] = []
  for (let i = 0; i < 1_000_000; i++) {
    const nonce = nonces.issue()
    if (await nonces.redeem(nonce)) good++
    if (i % 10 === 0) used.push(nonce)
  }
  expect(good).toBe(1_000_000)
  let replayed = 0
  for (const nonce of used) if (await nonces.redeem(nonce)) replayed++
  expect([used.length, replayed]).toEqual([100_000, 0])
}, 120_000)

test('J11: 10,000 forged nonces and those of another process are refused', async () => {
  const nonces = new MemoryNonces()
  const earlier = new MemoryNonces()
  const issued = Array.from({ length: 1000 }, () => nonces.issue())
  let taken = 0
  for (let i = 0; i < 9000; i++) if (await nonces.redeem(randomBytes(16).toString('base64url'))) taken++
  for (let i = 0; i < 1000; i++) {
    const bytes = Buffer.from(issued[i]!, 'base64url')
    bytes[i % 16]! ^= 1 << (i % 8)
    if (await nonces.redeem(bytes.toString('base64url'))) taken++
    if (await nonces.redeem(earlier.issue())) taken++
  }
  expect(taken).toBe(0)
  for (const nonce of issued) expect(await nonces.redeem(nonce)).toBe(true)
})

test('J11: 1,000 uses of one nonce at once give one success', async () => {
  const nonces = new MemoryNonces()
  const nonce = nonces.issue()
  const results = await Promise.all(Array.from({ length: 1000 }, () => nonces.redeem(nonce)))
  expect(results.filter(Boolean)).toHaveLength(1)
})

test('what is older than the window is stale, whether used or not', async () => {
  const nonces = new MemoryNonces(64)
  const first = nonces.issue()
  const issued = Array.from({ length: 64 }, () => nonces.issue())
  expect(await nonces.redeem(first)).toBe(false)
  for (const nonce of issued) expect(await nonces.redeem(nonce)).toBe(true)
})

test('only base64url of the right length is a nonce', async () => {
  const nonces = new MemoryNonces()
  const nonce = nonces.issue()
  expect(nonce).toMatch(/^[A-Za-z0-9_-]{22}$/)
  for (const other of ['', `${nonce}=`, `${nonce}A`, ` ${nonce}`, nonce.slice(1), `${nonce}\n`]) {
    expect(await nonces.redeem(other)).toBe(false)
  }
  expect(await nonces.redeem(nonce)).toBe(true)
})
