import { describe, expect, test } from 'vitest'
import { engine as engineSchema } from '../../../src/config/engine.ts'
import { ClockGuard } from '../../../src/engine/managed/clock-guard.ts'
import { changeOf, dueCertificates } from '../../../src/engine/managed/due-certificates.ts'
import { heldUntil } from '../../../src/engine/managed/issuance-guard.ts'
import { renewalMoment } from '../../../src/engine/managed/renewal-moment.ts'
import { type RenewalAdvice, RenewalWindows } from '../../../src/engine/managed/renewal-windows.ts'
import { ENGINE_T0, engineJob, keptCertificate } from '../../support/engine/engine-values.ts'
import { obtained } from '../../support/engine/obtained-certificate.ts'

const HOUR = 3_600_000_000
const DAY = 24 * HOUR
const T0 = ENGINE_T0
const window = (start: number, end: number) => ({ start, end, explanation: null })

/** A clock that is set by hand. */
function clockAt(wall = T0) {
  const at = { wall, monotonic: 0 }
  return {
    clock: { now: () => ({ wall: at.wall, monotonic: at.monotonic }) as never },
    pass: (micros: number) => {
      at.wall += micros
      at.monotonic += micros
    },
    set: (micros: number) => {
      at.wall += micros
    },
  }
}

describe('the moment', () => {
  test('a third of the life is left, half of it below ten days', () => {
    const at = (days: number) => renewalMoment({ ...keptCertificate(), notAfter: T0 + days * DAY }, null)
    expect(at(90)).toEqual({ at: T0 + 60 * DAY, by: 'lifetime' })
    expect(at(10)).toEqual({ at: Math.round(T0 + (20 / 3) * DAY), by: 'lifetime' })
    expect(at(6)).toEqual({ at: T0 + 3 * DAY, by: 'lifetime' })
  })

  test('RFC 9773 §4.2: within the window, always the same one, spread over a fleet', () => {
    const suggested = window(T0 + 50 * DAY, T0 + 60 * DAY)
    const moments = Array.from({ length: 200 }, (_, at) =>
      renewalMoment(keptCertificate({ fingerprint: `f${at}` }), suggested),
    )
    expect(moments.every(({ by }) => by === 'ari')).toBe(true)
    const places = moments.map(({ at }) => (at - suggested.start) / (10 * DAY))
    expect(Math.min(...places)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...places)).toBeLessThan(1)
    const tenths = new Set(places.map((place) => Math.floor(place * 10)))
    expect(tenths.size).toBe(10)
    expect(renewalMoment(keptCertificate({ fingerprint: 'f1' }), suggested)).toEqual(moments[1])
  })

  test('a window that makes no sense counts for nothing, and none puts it off to the end', () => {
    const kept = keptCertificate()
    expect(renewalMoment(kept, window(kept.notAfter, kept.notAfter + DAY)).by).toBe('lifetime')
    expect(renewalMoment(kept, window(T0 + DAY, T0 + DAY)).by).toBe('lifetime')
    const late = renewalMoment(kept, window(kept.notAfter - HOUR, kept.notAfter + 50 * DAY))
    expect(late).toEqual({ at: kept.notAfter - 9 * DAY, by: 'ari' })
  })
})

describe('which are due', () => {
  const settingsOf = (given: object = {}) =>
    engineSchema.parse({
      certificates: [{ name: 'web', names: ['www.example.com'], ca: 'pebble', ...given }],
    }).certificates[0]!
  const { kept } = obtained()
  const standing = (given: object = {}) => ({
    settings: settingsOf(),
    kept,
    window: null,
    isUnasked: false,
    ...given,
  })
  const now = kept.notBefore + DAY

  test('what the configuration has otherwise', () => {
    expect(changeOf(settingsOf(), kept)).toBeNull()
    expect(changeOf(settingsOf({ names: ['www.example.com', 'example.com'] }), kept)).toMatch(/other names/)
    expect(changeOf(settingsOf({ ca: 'other' }), kept)).toMatch(/CA other/)
    expect(changeOf(settingsOf({ profile: 'shortlived' }), kept)).toMatch(/profile shortlived/)
    expect(changeOf(settingsOf({ key_type: 'rsa2048' }), kept)).toBe(
      'the configuration has rsa2048, and its key is ec256',
    )
    const two = {
      ...kept,
      identifiers: ['b.example.com', 'a.example.com'].map((value) => ({ type: 'dns', value })),
    }
    expect(changeOf(settingsOf({ names: ['a.example.com', 'b.example.com'] }), two)).toBeNull()
  })

  test('first, changed, renewal, or not', () => {
    const reasons = (one: object, at = now) =>
      dueCertificates([standing(one)], at).map(({ reason }) => reason)
    expect(reasons({})).toEqual([])
    expect(reasons({ kept: null })).toEqual(['first'])
    expect(reasons({ settings: settingsOf({ ca: 'other' }) })).toEqual(['changed'])
    expect(reasons({}, kept.notAfter - 29 * DAY)).toEqual(['renewal'])
    const [urgent] = dueCertificates(
      [standing({ window: { ...window(1, 2), explanation: 'https://ca.test/why' } })],
      now,
    )
    expect(urgent?.why).toBe('the CA wants it renewed at once; it explains: https://ca.test/why')
  })

  test('a CA that was not asked yet may say later; one that has ended waits for nobody', () => {
    const late = kept.notAfter - DAY
    expect(dueCertificates([standing({ isUnasked: true })], late)).toEqual([])
    expect(dueCertificates([standing({ isUnasked: true })], kept.notAfter)).toHaveLength(1)
  })

  test('the one with the least of its life left comes first, and new ones before those with plenty', () => {
    const at = (name: string, left: number) => ({
      ...standing({ window: window(1, 2) }),
      settings: settingsOf({ name }),
      kept: { ...kept, notBefore: now - (90 - left) * DAY, notAfter: now + left * DAY },
    })
    const fresh = standing({ settings: settingsOf({ name: 'fresh' }), kept: null })
    const order = dueCertificates([at('much', 80), fresh, at('little', 2), at('ended', -1)], now)
    expect(order.map(({ settings }) => settings.name)).toEqual(['ended', 'little', 'fresh', 'much'])
  })
})

describe('asking CAs', () => {
  const advice = (retryAfter: number | null): RenewalAdvice => ({ ...window(T0, T0 + DAY), retryAfter })
  const kept = keptCertificate({ ariId: 'a.b' })
  const never = new AbortController().signal

  test('again when the CA said, between a minute and a day; six hours where it said nothing', async () => {
    const { clock, pass } = clockAt()
    let asked = 0
    let said: RenewalAdvice | null = advice(1)
    const windows = new RenewalWindows(async () => {
      asked++
      return said
    }, clock)
    expect(windows.isUnasked(kept)).toBe(true)
    const askedAfter = async (micros: number) => {
      const before = asked
      pass(micros - 1)
      await windows.refresh([kept], never)
      expect(asked).toBe(before)
      pass(1)
      await windows.refresh([kept], never)
      expect(asked).toBe(before + 1)
    }
    await windows.refresh([kept], never)
    expect(windows.isUnasked(kept)).toBe(false)
    expect(windows.of(kept)).toEqual(window(T0, T0 + DAY))
    said = advice(365 * 86_400)
    await askedAfter(60_000_000)
    said = advice(null)
    await askedAfter(DAY)
    said = null
    await askedAfter(6 * HOUR)
    expect(windows.of(kept)).toBeNull()
    expect(windows.isUnasked(kept)).toBe(false)
  })

  test('failures: ever more seldom, down to once a day, and what was known stays', async () => {
    const { clock, pass } = clockAt()
    let isDown = false
    let asked = 0
    const windows = new RenewalWindows(async () => {
      asked++
      if (isDown) throw new Error('down')
      return advice(60)
    }, clock)
    await windows.refresh([kept], never)
    isDown = true
    // Ten days, looked at every minute.
    for (let minute = 0; minute < 10 * 1440; minute++) {
      pass(60_000_000)
      await windows.refresh([kept], never)
    }
    expect(asked).toBeLessThan(20)
    expect(asked).toBeGreaterThan(10)
    expect(windows.of(kept)).toEqual(window(T0, T0 + DAY))
  })

  test('certificates without an id are never asked about', async () => {
    let asked = 0
    const windows = new RenewalWindows(async () => {
      asked++
      return null
    }, clockAt().clock)
    await windows.refresh([keptCertificate()], never)
    expect(asked).toBe(0)
    expect(windows.isUnasked(keptCertificate())).toBe(false)
  })
})

test('one that goes round in circles is held', () => {
  const kept = keptCertificate()
  const issued = (day: number, more = {}) => engineJob({ step: 'done', createdAt: T0 + day * DAY, ...more })
  const now = T0 + 4 * DAY
  expect(heldUntil(kept, [issued(1), issued(2)], now)).toBeNull()
  expect(heldUntil(kept, [issued(1), issued(2), issued(3)], now)).toBe(T0 + 10 * DAY)
  expect(heldUntil(kept, [issued(1), issued(2), issued(3)], T0 + 10 * DAY)).toBeNull()
  expect(heldUntil(kept, [issued(1), issued(2), issued(3, { dryRun: true })], now)).toBeNull()
  expect(heldUntil(kept, [issued(1), issued(2), issued(3, { step: 'failed' })], now)).toBeNull()
  // A life of a day, renewed every half of it, is no circle.
  const short = { ...kept, notAfter: kept.notBefore + DAY }
  expect(heldUntil(short, [issued(2.5), issued(3), issued(3.5)], now)).toBeNull()
})

describe('the clock (H6)', () => {
  const HOURS = [1, -1].map((sign) => sign * 1.01 * HOUR)

  test.each([...HOURS, DAY, -DAY, 3650 * DAY, -56 * 365 * DAY])(
    'a jump of %d µs decides nothing until a CA agrees',
    (jump) => {
      const { clock, pass, set } = clockAt()
      let says: boolean | null = true
      const guard = new ClockGuard(clock, 0, () => says)
      expect(guard.trusted()).toBe(true)
      says = null
      pass(60_000_000)
      expect(guard.trusted()).toBe(true)
      set(jump)
      expect(guard.trusted()).toBe(false)
      pass(DAY)
      expect(guard.trusted()).toBe(false)
      says = true
      expect(guard.trusted()).toBe(true)
    },
  )

  test('small corrections pass', () => {
    const { clock, set } = clockAt()
    const guard = new ClockGuard(clock, 0, () => true)
    for (const step of [1_000_000, -1_000_000, 0.9 * HOUR, -0.9 * HOUR]) {
      set(step)
      expect(guard.trusted()).toBe(true)
    }
  })

  test('at the start a CA is waited for, but not for ever; never where it says otherwise', () => {
    const { clock, pass } = clockAt()
    let says: boolean | null = null
    const guard = new ClockGuard(clock, 0, () => says)
    expect(guard.trusted()).toBe(false)
    pass(120_000_000)
    expect(guard.trusted()).toBe(true)
    says = false
    expect(guard.trusted()).toBe(false)
    says = null
    expect(guard.trusted()).toBe(false)
  })

  test('before the newest fact of the record it is wrong', () => {
    const { clock, pass } = clockAt()
    const guard = new ClockGuard(clock, T0 + DAY, () => null)
    pass(HOUR)
    expect(guard.trusted()).toBe(false)
  })
})
