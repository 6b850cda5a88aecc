import type { AcmeClient, Wish } from '../support/peers/client.ts'
import { takesWildcards, zoneOf } from './broker-cases.ts'
import type { Case } from './row.ts'

export function slug(...words: readonly string[]): string {
  return words
    .join('.')
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^-|-$/g, '')
}

/** The certificate of a case; no two cases have a name in common. */
export function wishOf(client: AcmeClient, { mode, challenge, variant, broker }: Case): Wish {
  const name =
    broker === undefined
      ? `${slug(client.name, challenge, mode, variant ?? 'plain')}.example.test`
      : `${slug(challenge, broker.proof)}.${slug(client.name)}.${zoneOf(broker.from)}`
  const wildcard = challenge === 'dns-01' && (broker === undefined || takesWildcards(broker.from))
  return { name: wildcard ? `*.${name}` : name, method: challenge }
}
