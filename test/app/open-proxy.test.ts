import { expect, test } from 'vitest'
import { openProxy, whyNoNamespace } from '../soak/open-proxy.ts'
import { reasonWithout } from '../support/missing.ts'

const missing = (await reasonWithout('strace', 'unshare', 'ip')) ?? (await whyNoNamespace())

/** The short form of `npm run soak -- open-proxy`. */
test('N1–N3: nothing is reached but CAs, listed hosts and, where allowed, public addresses', {
  timeout: 180_000,
}, async (context) => {
  if (missing !== null) return context.skip(missing)
  const { failures, figures } = await openProxy.run({ size: 300, seed: 11, progress: () => undefined })
  expect(failures).toEqual([])
  expect(figures['asked by CONNECT']).toBeGreaterThan(2000)
  expect(figures['asked by absolute-form']).toBeGreaterThan(1500)
  expect(figures['asked by SNI']).toBeGreaterThan(1500)
  expect(figures['spellings of the inside']).toBeGreaterThanOrEqual(400)
})
