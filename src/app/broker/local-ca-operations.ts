import { readLeaf } from '../../acme/certificate.ts'
import { REVOCATION_REASONS } from '../../acme/revocation-reasons.ts'
import type { LocalCaOperations, ShownLocalCertificate } from '../../api/local-ca-operations.ts'
import { OperationRefused } from '../../api/operations.ts'
import type { EventRecorder } from '../../audit/keeping.ts'
import type { BrokerStore } from '../../broker/broker-store.ts'
import type { LocalCaStore, LocalCertificate } from '../../broker/local-ca/local-ca-store.ts'
import type { LocalCa } from '../../broker/local-ca/open-local-ca.ts'

export interface LocalCaOperationsParts {
  readonly ca: (name: string) => LocalCa | null
  readonly store: LocalCaStore & Pick<BrokerStore, 'certificateByFingerprint' | 'putCertificate'>
  /** Names of the broker's endpoints, whose clients have the certificates. */
  readonly endpoints: () => readonly string[]
  readonly events: EventRecorder
}

/** Local CAs of a running server. */
export function localCaOperations(parts: LocalCaOperationsParts): LocalCaOperations {
  const { store } = parts
  return {
    certificates: async (filter) => (await store.localCertificates(filter)).map(shown),
    async revoke({ ca: name, serial: written, reason }, actor) {
      const ca = parts.ca(name)
      if (ca === null) throw new OperationRefused(`there is no local CA ${JSON.stringify(name)}`, 404)
      const serial = written
        .replaceAll(':', '')
        .toLowerCase()
        .replace(/^0+(?=.)/, '')
      const code = Object.entries(REVOCATION_REASONS).find(([, word]) => word === reason)?.[0]
      if (code === undefined)
        throw new OperationRefused(
          `no certificate is revoked here for the reason ${JSON.stringify(reason)}`,
          409,
        )
      const done = await ca.revoke(serial, Number(code))
      const certificate = await store.localCertificate(name, serial)
      if (done === null || certificate === null)
        throw new OperationRefused(`the local CA ${name} has signed nothing with the serial ${serial}`, 404)
      if (done === 'alreadyRevoked')
        throw new OperationRefused(`the certificate ${serial} was revoked already`, 409)
      await tellClients(parts, certificate)
      await parts.events.record(actor, { event: 'localCertificateRevoked', ca: name, serial, reason })
      return shown(certificate)
    },
  }
}

/** What clients have of it says so too: its next order is not a renewal, its revocation not the first. */
async function tellClients(
  { store, endpoints }: LocalCaOperationsParts,
  { certificate, revokedAt }: LocalCertificate,
): Promise<void> {
  const fingerprint = readLeaf(certificate)?.fingerprint
  if (fingerprint === undefined) return
  for (const endpoint of endpoints()) {
    const kept = await store.certificateByFingerprint(endpoint, fingerprint)
    if (kept !== null && kept.revokedAt === null) await store.putCertificate({ ...kept, revokedAt })
  }
}

function shown(one: LocalCertificate): ShownLocalCertificate {
  const leaf = readLeaf(one.certificate)
  return {
    ca: one.ca,
    issuer: one.generation,
    serial: one.serial,
    identifiers: leaf?.identifiers ?? [],
    fingerprint: leaf?.fingerprint ?? '',
    order: one.order,
    notBefore: instantOf(one.notBefore),
    notAfter: instantOf(one.notAfter),
    issuedAt: instantOf(one.issuedAt),
    revokedAt: one.revokedAt === null ? null : instantOf(one.revokedAt),
    reason: one.reason === null ? null : (REVOCATION_REASONS[one.reason] ?? String(one.reason)),
  }
}

function instantOf(at: number): string {
  return new Date(at / 1000).toISOString()
}
