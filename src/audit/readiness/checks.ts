import { type ClientHistory, DAY } from './history.ts'
import type { CaKind, Horizon } from './horizon.ts'
import { text } from './renewal-habit.ts'
import { dateText } from './schedule.ts'
import type { Finding, Verdict } from './verdict.ts'

const EVIDENCE = 5

/** Whether it hears from the CA when to renew (RFC 9773). `adapts`: its schedule was shown to follow the lifetime. */
export function renewalInfoFinding(history: ClientHistory, adapts: boolean): Finding {
  const { client, certificates, caOffersRenewalInfo } = history
  const asked = certificates.filter(({ window }) => window !== null)
  const base = { check: 'renewalInfo', lifetime: null, evidence: [] } as const
  if (client.asksRenewalInfo || asked.length > 0) {
    const evidence = asked
      .slice(-EVIDENCE)
      .map(({ name, window }) => `${name}: window from ${dateText(window!.start)}`)
    return { ...base, verdict: 'ready', reason: 'asks for renewal information', evidence, remedy: null }
  }
  const since = `never asked for renewal information since ${client.firstSeen.slice(0, 10)}`
  const remedy = 'use a release that asks for renewal information (RFC 9773)'
  if (!caOffersRenewalInfo) {
    return {
      ...base,
      verdict: 'not enough seen',
      reason: `${since}; nor did any other client of this CA, so whether it has any is not known`,
      remedy: null,
    }
  }
  if (adapts) {
    return {
      ...base,
      verdict: 'ready',
      reason: `${since}; its schedule follows the lifetime, but it will not hear when the CA wants a certificate renewed early`,
      remedy,
    }
  }
  return { ...base, verdict: 'at risk', reason: `${since}: nothing tells it to renew sooner`, remedy }
}

/** Let's Encrypt's profiles tlsserver and shortlived. */
const MOST_NAMES = 25

/** Whether its certificates fit into the profiles with short lifetimes. */
export function namesFinding({ certificates, orders }: ClientHistory): Finding {
  const counted = [
    ...certificates.map(({ name, names, notBefore }) => ({
      names,
      says: `${dateText(notBefore)} ${name} and ${names - 1} more`,
    })),
    ...orders.map(({ id, names, createdAt }) => ({
      names,
      says: `${dateText(createdAt)} order ${id}: ${names} names`,
    })),
  ]
  const most = Math.max(0, ...counted.map(({ names }) => names))
  const base = { check: 'names', lifetime: null } as const
  if (most === 0)
    return {
      ...base,
      verdict: 'not enough seen',
      reason: 'no certificate and no finished order seen',
      evidence: [],
      remedy: null,
    }
  if (most <= MOST_NAMES) {
    return {
      ...base,
      verdict: 'ready',
      reason: `at most ${most} name${most === 1 ? '' : 's'} in one certificate`,
      evidence: [],
      remedy: null,
    }
  }
  return {
    ...base,
    verdict: 'at risk',
    reason: `up to ${most} names in one certificate: the default profile takes 100, but tlsserver and shortlived take ${MOST_NAMES}`,
    evidence: counted
      .filter(({ names }) => names > MOST_NAMES)
      .slice(-EVIDENCE)
      .map(({ says }) => says),
    remedy: `order several certificates of at most ${MOST_NAMES} names before taking one of these profiles`,
  }
}

const HOUR = DAY / 24

/** Whether it lives on authorizations that will be too old to be used again. */
export function reuseFinding(
  { orders }: ClientHistory,
  { lifetime, reuse }: Pick<Horizon, 'lifetime' | 'reuse'>,
): Finding {
  const limit = reuse % 24 === 0 ? `${reuse / 24} days` : `${reuse} hours`
  const base = { check: 'reuse', lifetime, evidence: [] as readonly string[] } as const
  const answer = (verdict: Verdict, reason: string) => ({ ...base, verdict, reason, remedy: null })
  if (orders.every(({ authorizations }) => authorizations.length === 0)) {
    return answer('not enough seen', 'no finished order with its authorizations seen')
  }
  const oldestFirst = orders.toSorted((a, b) => a.createdAt - b.createdAt)
  /** By name: the last use of an authorization that was too old, and whether one was made anew since. */
  const relied = new Map<string, string>()
  let [unknown, reused] = [0, 0]
  for (const { createdAt, authorizations } of oldestFirst) {
    for (const one of authorizations) {
      if (!one.reused) {
        relied.delete(one.name)
        continue
      }
      reused += 1
      if (one.validatedAt === null) unknown += 1
      else if (createdAt - one.validatedAt > reuse * HOUR) {
        relied.set(
          one.name,
          `${dateText(createdAt)} ${one.name}: validated ${text((createdAt - one.validatedAt) / DAY)} before`,
        )
      }
    }
  }
  if (relied.size > 0) {
    return {
      ...base,
      verdict: 'at risk',
      reason: `ordered with authorizations older than the ${limit} that will count then, and was not seen to validate these names since`,
      evidence: [...relied.values()].slice(-EVIDENCE),
      remedy: 'see that validation works at every renewal: web server, DNS credentials, firewall',
    }
  }
  if (unknown > 0)
    return answer(
      'not enough seen',
      `used ${unknown} authorizations again of which it was not seen when they were validated`,
    )
  if (reused > 0)
    return answer(
      'ready',
      `what it used again was not older than ${limit}, or it has validated the names since`,
    )
  return answer('ready', 'validates its names at every order')
}

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

/** Whether its certificates may be used to log in elsewhere, which public CAs end. */
export function clientAuthFinding(
  { extendedKeyUsage, certificates }: ClientHistory,
  { isPublic }: Pick<CaKind, 'isPublic'>,
): Finding {
  const base = {
    check: 'clientAuth',
    lifetime: null,
    evidence: [] as readonly string[],
    remedy: null,
  } as const
  const last = certificates.at(-1)
  if (last === undefined || extendedKeyUsage === null) {
    return {
      ...base,
      verdict: 'not enough seen',
      reason: 'no certificate is kept of which the extended key usage could be read',
    }
  }
  if (!extendedKeyUsage.includes(CLIENT_AUTH))
    return { ...base, verdict: 'ready', reason: 'its last certificate is for servers only' }
  const evidence = [`${dateText(last.notBefore)} ${last.name}: clientAuth`]
  if (isPublic === false)
    return {
      ...base,
      verdict: 'ready',
      reason: 'its last certificate has clientAuth, which a CA of your own may go on giving',
      evidence,
    }
  return {
    ...base,
    verdict: 'at risk',
    reason: `its last certificate has clientAuth, which public CAs stop giving${isPublic === null ? '; whether this is one is not known' : ''}. Whether anything needs it cannot be seen`,
    evidence,
    remedy:
      'if the host logs in elsewhere with it (mutual TLS, mail relays), get such certificates from a CA of your own',
  }
}
