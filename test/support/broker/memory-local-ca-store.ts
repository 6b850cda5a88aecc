import type {
  LocalCaStore,
  LocalCertificate,
  LocalCrl,
  RevokedSerial,
} from '../../../src/broker/local-ca/local-ca-store.ts'
import { EngineError } from '../../../src/engine/engine-error.ts'

/** A LocalCaStore without a disk: passes the contract. */
export class MemoryLocalCaStore implements LocalCaStore {
  readonly #certificates = new Map<string, LocalCertificate>()
  readonly #lists = new Map<string, LocalCrl>()
  /** Every write that follows rejects with it. */
  fault: Error | null = null

  async addLocalCertificate(certificate: LocalCertificate): Promise<LocalCertificate> {
    this.write()
    const { ca, serial, order } = certificate
    const kept = [...this.#certificates.values()].find((each) => each.ca === ca && each.order === order)
    if (kept !== undefined) return copyOf(kept)
    if (this.#certificates.has(`${ca} ${serial}`))
      throw new EngineError(
        'input',
        `the local CA ${ca} has signed a certificate with serial ${serial} already`,
      )
    this.#certificates.set(`${ca} ${serial}`, copyOf(certificate))
    return copyOf(certificate)
  }

  async localCertificate(ca: string, serial: string): Promise<LocalCertificate | null> {
    const kept = this.#certificates.get(`${ca} ${serial}`)
    return kept === undefined ? null : copyOf(kept)
  }

  async localCertificates({
    ca,
    revoked,
    limit,
  }: Parameters<LocalCaStore['localCertificates']>[0]): Promise<LocalCertificate[]> {
    return [...this.#certificates.values()]
      .filter((each) => ca === undefined || each.ca === ca)
      .filter((each) => revoked === undefined || (each.revokedAt !== null) === revoked)
      .sort((a, b) => b.issuedAt - a.issuedAt || compare(b.serial, a.serial))
      .slice(0, limit)
      .map(copyOf)
  }

  async revokeLocalCertificate(
    ca: string,
    serial: string,
    at: number,
    reason: number,
  ): Promise<'revoked' | 'alreadyRevoked' | null> {
    this.write()
    const kept = this.#certificates.get(`${ca} ${serial}`)
    if (kept === undefined) return null
    if (kept.revokedAt !== null) return 'alreadyRevoked'
    this.#certificates.set(`${ca} ${serial}`, { ...kept, revokedAt: at, reason })
    return 'revoked'
  }

  async localRevoked(ca: string, generation: number, endsAfter: number): Promise<RevokedSerial[]> {
    return this.#of(ca, generation)
      .flatMap(({ serial, revokedAt, reason, notAfter }) =>
        revokedAt === null || reason === null || notAfter <= endsAfter ? [] : [{ serial, revokedAt, reason }],
      )
      .sort((a, b) => compare(a.serial, b.serial))
  }

  async localCrl(ca: string, generation: number): Promise<LocalCrl | null> {
    const kept = this.#lists.get(`${ca} ${generation}`)
    return kept === undefined ? null : { ...kept, list: Buffer.from(kept.list) }
  }

  async putLocalCrl(crl: LocalCrl): Promise<boolean> {
    this.write()
    const key = `${crl.ca} ${crl.generation}`
    if (crl.number !== (this.#lists.get(key)?.number ?? 0) + 1) return false
    this.#lists.set(key, { ...crl, list: Buffer.from(crl.list) })
    return true
  }

  async localLastEnd(ca: string, generation: number): Promise<number | null> {
    const ends = this.#of(ca, generation).map(({ notAfter }) => notAfter)
    return ends.length === 0 ? null : Math.max(...ends)
  }

  async pruneLocal(before: number): Promise<number> {
    this.write()
    const over = [...this.#certificates].filter(([, { notAfter }]) => notAfter < before)
    for (const [key] of over) this.#certificates.delete(key)
    return over.length
  }

  protected write(): void {
    if (this.fault !== null) throw this.fault
  }

  #of(ca: string, generation: number): LocalCertificate[] {
    return [...this.#certificates.values()].filter((each) => each.ca === ca && each.generation === generation)
  }
}

function copyOf(certificate: LocalCertificate): LocalCertificate {
  return { ...certificate, certificate: Buffer.from(certificate.certificate) }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
