import type { X509Certificate } from 'node:crypto'
import { type CheckedCertificate, checkCertificate } from './check-certificate.ts'
import { type DownloadedChain, downloadCertificate } from './download-certificate.ts'
import { EngineError } from './engine-error.ts'
import { requestOf } from './job.ts'
import type { SignedRun } from './job-run.ts'

/**
 * The chain of an order's certificate (RFC 8555 §7.4.2): the CA's default, or the first alternate that leads to the preferred
 * root. Alternates are fetched only where one is preferred and the default is not it. Rejects with EngineError: `mismatch` for
 * a certificate that is not the one asked for.
 */
export async function chooseChain({ run, signer }: SignedRun, url: string): Promise<CheckedCertificate> {
  const { job, session, signal, parts } = run
  const download = (from: string) => downloadCertificate(session, signer, from, signal)
  const check = ({ certificates }: DownloadedChain) =>
    checkCertificate(
      certificates,
      { csr: requestOf(job), identifiers: job.identifiers },
      parts.clock.now().wall,
    )
  const usual = await download(url)
  const checked = await check(usual)
  const { preferredChain } = job
  if (preferredChain === null || leadsTo(usual.certificates, preferredChain)) return checked
  const roots = [rootOf(usual.certificates)]
  for (const alternate of usual.alternates) {
    try {
      const other = await download(alternate)
      roots.push(rootOf(other.certificates))
      if (leadsTo(other.certificates, preferredChain)) return await check(other)
    } catch (error) {
      // The default chain is good; what is wrong with another is no reason to be without a certificate.
      if (!(error instanceof EngineError) || error.fault === 'aborted') throw error
      run.note(`another chain was not taken: ${error.message}`)
    }
  }
  run.note(`the CA has no chain to ${preferredChain}, only to ${roots.join(', ')}: its default is taken`)
  return checked
}

function leadsTo(chain: readonly X509Certificate[], commonName: string): boolean {
  return rootOf(chain) === commonName
}

/** Common name of the one who issued the topmost certificate. */
function rootOf(chain: readonly X509Certificate[]): string {
  const issuer = chain.at(-1)?.issuer ?? ''
  return /^CN=(.*)$/m.exec(issuer)?.[1] ?? issuer.replaceAll('\n', ', ')
}
