import type { InventoriedCertificate } from '../../../audit/inventory/certificate.ts'
import type { InventoriedChallenge } from '../../../audit/inventory/challenge.ts'

interface Proof {
  readonly type: string
  /** RFC 3339. */
  readonly at: string
  /** Its verdict was seen; otherwise only that the client answered it. */
  readonly judged: boolean
}

/**
 * How the names of certificates were validated: by the last challenge that the account had passed for the name before
 * the certificate was seen. An authorization that was reused leads to the challenge that made it valid, if acmetap saw it.
 */
export class Validations {
  readonly #proofs = new Map<string, Proof[]>()

  add({ ca, account, identifier, wildcard, type, status, answeredAt, judgedAt }: InventoriedChallenge): void {
    const judged = status === 'valid'
    const at = judged ? (judgedAt ?? answeredAt) : answeredAt
    if (status === 'invalid' || at === null || identifier === null || account === null || type === null)
      return
    const key = keyOf(ca, account.id, identifier.value, wildcard)
    const proofs = this.#proofs.get(key)
    const proof = { type, at, judged }
    if (proofs === undefined) this.#proofs.set(key, [proof])
    else proofs.push(proof)
  }

  /** `http-01`; `a.example: http-01; b.example: dns-01` where names differ; what was not seen is told. */
  textOf({ ca, account, identifiers, firstSeen, source }: InventoriedCertificate): string {
    if (source === 'imported') return 'not seen: imported'
    if (account === null || ca === null) return 'not seen'
    const byHow = new Map<string, string[]>()
    for (const { value } of identifiers) {
      const how = howOf(this.#proofs.get(keyOf(ca, account.id, value, false)) ?? [], firstSeen)
      byHow.set(how, [...(byHow.get(how) ?? []), value])
    }
    if (byHow.size <= 1) return [...byHow.keys()][0] ?? 'not seen'
    return [...byHow].map(([how, names]) => `${names.join(', ')}: ${how}`).join('; ')
  }
}

function howOf(proofs: readonly Proof[], before: string): string {
  const earlier = proofs.filter(({ at }) => at <= before)
  const best = earlier.reduce<Proof | null>(
    (found, one) => (found === null || better(one, found) ? one : found),
    null,
  )
  if (best === null) return 'not seen'
  return best.judged ? best.type : `${best.type} (answered; the verdict was not seen)`
}

function better(a: Proof, b: Proof): boolean {
  if (a.judged !== b.judged) return a.judged
  return a.at === b.at ? a.type < b.type : a.at > b.at
}

/** A CA tells a wildcard by its base name and a member `wildcard` (RFC 8555 §7.1.4). */
function keyOf(ca: string, account: string, name: string, wildcard: boolean): string {
  const isWildcard = wildcard || name.startsWith('*.')
  return JSON.stringify([ca, account, isWildcard, name.replace(/^\*\./, '').toLowerCase()])
}
