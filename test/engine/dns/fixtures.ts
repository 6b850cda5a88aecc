import { NameService } from '../../../src/engine/dns/name-service.ts'
import { responderPublisher } from '../../../src/engine/dns/responder-publisher.ts'
import { Zone, type ZoneSettings } from '../../../src/engine/dns/zone.ts'
import type { Clock } from '../../../src/exchange/clock.ts'

export const SETTINGS: ZoneSettings = {
  zone: 'acme-dns.example.net',
  nameserver: 'ns.acme-dns.example.net',
  addresses: ['192.0.2.53', '2001:db8::53'],
  contact: 'host.master@example.net',
}
export const REGISTERED = '8e5700ea-a4bf-41c7-8a77-e990661dcc6a'
export const DIGESTS = ['A'.repeat(43), 'B'.repeat(43)]
export const ELSEWHERE = '203.0.113.7'

/** 2026-01-01T00:00:00Z, until somebody moves it. */
export function handClock(): Clock & { advance(seconds: number): void } {
  let at = 0
  return {
    now: () => ({ wall: 1_767_225_600_000_000 + at, monotonic: at }),
    advance: (seconds) => {
      at += Math.round(seconds * 1e6)
    },
  }
}

/** A zone with one registration that has two values, and the service over it. Nobody is exempt. */
export function serviceOf(settings: Partial<ZoneSettings> = {}) {
  const clock = handClock()
  const registered = new Map<string, readonly string[]>([[REGISTERED, DIGESTS]])
  const zone = new Zone({ ...SETTINGS, ...settings }, (subdomain) => registered.get(subdomain), 1_767_225_600)
  const service = new NameService(zone, clock, () => false)
  return {
    clock,
    zone,
    registered,
    service,
    publisher: responderPublisher(zone, clock),
    /** Over TCP, where neither length nor rate matter. */
    ask: (message: Buffer) => service.answer(message, ELSEWHERE, true),
  }
}
