import { hash, type X509Certificate } from 'node:crypto'
import { checkCertificate } from './check-certificate.ts'
import { type DownloadedChain, downloadCertificate } from './download-certificate.ts'
import { EngineError } from './engine-error.ts'
import { requestOf } from './job.ts'
import type { SignedRun } from './job-run.ts'

/** Chains beside the default one, at most: so many can clients choose from (RFC 8555 §7.4.2). */
const MOST_ALTERNATES = 3
/** µs for which a CA is believed to have the same alternates above the same issuer. */
const FRESH = 86_400_000_000
/** Issuers whose alternates are known, of all CAs. */
const MOST_KNOWN = 100

/** What stands above the leaf, in each of the chains. */
interface Known {
  readonly above: readonly (readonly X509Certificate[])[]
  readonly at: number
}

/**
 * The chains of certificates, checked. What stands above a leaf is the same for all leaves of its issuer: alternates are fetched
 * once a day, and not for every certificate.
 */
export class AllChains {
  readonly #known = new Map<string, Known>()

  /**
   * PEM, each leaf first: the CA's default, then its alternates. Rejects with EngineError: `mismatch` for a certificate that is
   * not the one asked for.
   */
  async fetch(signed: SignedRun, url: string): Promise<readonly string[]> {
    const { run, signer } = signed
    const usual = await downloadCertificate(run.session, signer, url, run.signal)
    const { chain } = await check(signed, usual)
    const alternates = usual.alternates.slice(0, MOST_ALTERNATES)
    if (alternates.length === 0) return [chain]
    const above =
      this.#above(signed, usual, alternates.length) ?? (await this.#learn(signed, usual, alternates))
    const [leaf] = usual.certificates
    return [chain, ...above.map((certificates) => [leaf, ...certificates].join(''))]
  }

  #above({ run }: SignedRun, usual: DownloadedChain, count: number): Known['above'] | null {
    const known = this.#known.get(keyOf(run.job.ca, usual, count))
    const now = run.parts.clock.now().wall
    if (known === undefined || now > known.at + FRESH || now < known.at) return null
    const leaf = usual.certificates[0]!
    return known.above.every(([issuer]) => issuer !== undefined && isIssuedBy(leaf, issuer))
      ? known.above
      : null
  }

  async #learn(
    signed: SignedRun,
    usual: DownloadedChain,
    alternates: readonly string[],
  ): Promise<Known['above']> {
    const { run, signer } = signed
    const above: (readonly X509Certificate[])[] = []
    for (const url of alternates) {
      try {
        const other = await downloadCertificate(run.session, signer, url, run.signal)
        await check(signed, other)
        if (other.certificates[0]!.raw.equals(usual.certificates[0]!.raw))
          above.push(other.certificates.slice(1))
        else run.note(`another chain of ${run.job.ca} was not taken: it is one of another certificate`)
      } catch (error) {
        // The default chain is good; what is wrong with another is no reason to be without a certificate.
        if (!(error instanceof EngineError) || error.fault === 'aborted') throw error
        run.note(`another chain of ${run.job.ca} was not taken: ${error.message}`)
      }
    }
    const [oldest] = this.#known.keys()
    if (this.#known.size >= MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest)
    // What could not be fetched is tried again with the next certificate.
    if (above.length === alternates.length)
      this.#known.set(keyOf(run.job.ca, usual, alternates.length), { above, at: run.parts.clock.now().wall })
    return above
  }
}

function check({ run }: SignedRun, { certificates }: DownloadedChain) {
  const { job, parts } = run
  return checkCertificate(
    certificates,
    { csr: requestOf(job), identifiers: job.identifiers },
    parts.clock.now().wall,
  )
}

function keyOf(ca: string, { certificates }: DownloadedChain, count: number): string {
  const above = certificates.slice(1).map(({ raw }) => raw)
  return `${ca} ${count} ${hash('sha256', Buffer.concat(above), 'base64url')}`
}

function isIssuedBy(leaf: X509Certificate, issuer: X509Certificate): boolean {
  return leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey)
}
