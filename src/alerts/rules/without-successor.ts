import type { CurrentCertificate, Look } from '../look.ts'

/**
 * Those of which some name is in no newer current certificate: names that moved into another certificate were renewed
 * with it. A certificate of a CA for tests takes the place of none but its own CA's.
 */
export function withoutSuccessor(
  candidates: readonly CurrentCertificate[],
  look: Look,
): readonly CurrentCertificate[] {
  return candidates.filter(
    (one) =>
      one.names.length === 0 ||
      !one.names.every((name) =>
        coveredBy(name).some((by) => [...look.currentWith(by)].some((other) => succeeds(other, one))),
      ),
  )
}

function succeeds(other: CurrentCertificate, one: CurrentCertificate): boolean {
  // Its times tell it from itself too, and cost no question.
  return (
    other.notBefore > one.notBefore &&
    other.notAfter > one.notAfter &&
    (!other.isForTests || other.ca === one.ca)
  )
}

/** RFC 9525 §6.3: a wildcard stands for one label. */
function coveredBy(name: string): readonly string[] {
  const dot = name.indexOf('.')
  return name.startsWith('*.') || dot === -1 ? [name] : [name, `*${name.slice(dot)}`]
}
