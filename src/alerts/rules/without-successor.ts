import type { CurrentCertificate, Look } from '../look.ts'

/**
 * Those of which some name is in no newer current certificate: names that moved into another certificate were renewed
 * with it. A certificate of a CA for tests takes the place of none but its own CA's.
 */
export function withoutSuccessor(
  candidates: readonly CurrentCertificate[],
  look: Look,
): readonly CurrentCertificate[] {
  if (candidates.length === 0) return []
  const wanted = new Set(candidates.flatMap(({ names }) => names.flatMap(coveredBy)))
  const newest = new Map<string, CurrentCertificate[]>()
  for (const certificate of look.currentCertificates()) {
    for (const name of certificate.names) {
      if (!wanted.has(name)) continue
      const best = newest.get(name)
      if (best === undefined) newest.set(name, [certificate])
      else keepNewest(best, certificate)
    }
  }
  return candidates.filter(
    (one) =>
      one.names.length === 0 ||
      !one.names.every((name) =>
        coveredBy(name).some((by) => newest.get(by)?.some((other) => succeeds(other, one))),
      ),
  )
}

/** The newest of each CA, as few CAs as there are. */
function keepNewest(best: CurrentCertificate[], certificate: CurrentCertificate): void {
  const at = best.findIndex(({ ca }) => ca === certificate.ca)
  if (at === -1) best.push(certificate)
  else if (best[at]!.notAfter < certificate.notAfter) best[at] = certificate
}

function succeeds(other: CurrentCertificate, one: CurrentCertificate): boolean {
  return (
    other.fingerprint !== one.fingerprint &&
    other.notBefore > one.notBefore &&
    other.notAfter > one.notAfter &&
    (other.ca === one.ca || !other.isForTests)
  )
}

/** RFC 9525 §6.3: a wildcard stands for one label. */
function coveredBy(name: string): readonly string[] {
  const dot = name.indexOf('.')
  return name.startsWith('*.') || dot === -1 ? [name] : [name, `*${name.slice(dot)}`]
}
