import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nthTurn, RateBucket, soonest, turnsUntil, withMargin } from '../../src/ca/rate-bucket.ts'
import { PRESETS } from '../../src/config/presets.ts'

const rates = fc.record({
  rate: fc.constantFrom(0.1, 5, 20, 40, 300, 1000),
  burst: fc.integer({ min: 1, max: 40 }),
})

/** As a load balancer does it: a bucket of tokens that refills evenly. */
class NaiveBucket {
  tokens: number
  readonly #rate: number
  readonly #burst: number
  #at = 0

  constructor({ rate, burst }: { rate: number; burst: number }) {
    this.#rate = rate
    this.#burst = burst
    this.tokens = burst
  }

  take(now: number): boolean {
    this.tokens = Math.min(this.#burst, this.tokens + ((now - this.#at) / 1e6) * this.#rate)
    this.#at = now
    if (this.tokens < 1 - 1e-9) return false
    this.tokens -= 1
    return true
  }
}

test('gives a turn exactly when a token bucket would', () => {
  const gaps = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3_000_000 })), { maxLength: 200 })
  fc.assert(
    fc.property(rates, gaps, (rate, steps) => {
      // Intervals are whole µs, so the model refills once in such an interval.
      const naive = new NaiveBucket({ ...rate, rate: 1e6 / Math.ceil(1e6 / rate.rate) })
      const bucket = new RateBucket(null, rate)
      let now = 1_000_000_000
      naive.take(now)
      bucket.take(now)
      for (const step of steps) {
        now += step
        const given = bucket.next(now) <= now
        expect(naive.take(now)).toBe(given)
        if (given) bucket.take(now)
      }
    }),
  )
})

test('foretells when each of the turns to come can be had, from several buckets together', () => {
  fc.assert(
    fc.property(
      fc.array(rates, { minLength: 1, maxLength: 4 }),
      fc.nat(60),
      fc.integer({ min: 1, max: 80 }),
      fc.nat(2_000_000),
      (several, taken, n, later) => {
        const buckets = several.map((rate) => new RateBucket(null, rate))
        let now = 5_000_000
        for (let i = 0; i < taken; i++) soonest(buckets, now).take(now)
        now += later
        const foretold = nthTurn(buckets, n, now)
        expect(turnsUntil(buckets, foretold, now)).toBeGreaterThanOrEqual(n)
        let clock = now
        for (let i = 0; i < n; i++) {
          const bucket = soonest(buckets, clock)
          clock = Math.max(clock, bucket.next(clock))
          bucket.take(clock)
        }
        expect(foretold).toBe(clock)
      },
    ),
  )
})

test('a bucket that is held back gives nothing until then, and one turn at a time afterwards', () => {
  const bucket = new RateBucket(null, { rate: 10, burst: 5 })
  bucket.holdUntil(3_000_000)
  expect(bucket.next(1_000_000)).toBe(3_000_000)
  expect(bucket.nth(2, 1_000_000)).toBe(3_100_000)
})

test('the margin is below what the CA allows, and never nothing', () => {
  for (const { pacing } of Object.values(PRESETS)) {
    for (const allowed of Object.values(pacing)) {
      const kept = withMargin(allowed)
      expect(kept.rate).toBeLessThan(allowed.rate)
      expect(kept.burst).toBeLessThanOrEqual(allowed.burst)
    }
  }
  expect(withMargin({ rate: 20, burst: 10 })).toEqual({ rate: 19.6, burst: 5 })
  expect(withMargin({ rate: 1, burst: 1 }).burst).toBe(1)
})

test('jitter: arrivals bunched by 100 ms at full use never meet an empty bucket of the CA', () => {
  for (const endpoint of [
    'directory',
    'newNonce',
    'newAccount',
    'newOrder',
    'revokeCert',
    'objects',
  ] as const) {
    const allowed = PRESETS.letsencrypt.pacing[endpoint]!
    fc.assert(
      fc.property(fc.array(fc.nat(100_000), { minLength: 300, maxLength: 300 }), (delays) => {
        const ours = new RateBucket(null, withMargin(allowed))
        const theirs = new NaiveBucket(allowed)
        let now = 0
        const arrivals = delays.map((delay) => {
          now = ours.next(now)
          ours.take(now)
          return now + delay
        })
        for (const arrival of arrivals.sort((a, b) => a - b)) expect(theirs.take(arrival)).toBe(true)
      }),
      { numRuns: 30 },
    )
  }
})
