import type { CertificateImport, CertificateImportReport, Operations } from '../../api/operations.ts'
import type { FoundCertificate } from './found-certificate.ts'

const MOST_CERTIFICATES = 200
/** The server takes 10 MiB a request; JSON makes a little more of PEM. */
const MOST_BYTES = 2 * 1024 * 1024

/** One request's worth each: of one machine, managed or not. */
export function* batchesOf(found: readonly FoundCertificate[]): Generator<CertificateImport> {
  const groups = Map.groupBy(found, ({ host, unmanaged }) => JSON.stringify([host, unmanaged]))
  for (const group of groups.values()) {
    const { host, unmanaged } = group[0]!
    let certificates: CertificateImport['certificates'][number][] = []
    let bytes = 0
    for (const { pem, path, ca, format } of group) {
      if (
        certificates.length === MOST_CERTIFICATES ||
        (certificates.length > 0 && bytes + pem.length > MOST_BYTES)
      ) {
        yield { host, unmanaged, certificates }
        certificates = []
        bytes = 0
      }
      certificates.push({ pem, path, ca, format })
      bytes += pem.length
    }
    yield { host, unmanaged, certificates }
  }
}

/** Batch by batch; what was sent before one fails is in the record. */
export async function sendCertificates(
  found: readonly FoundCertificate[],
  server: Pick<Operations, 'importCertificates'>,
): Promise<CertificateImportReport> {
  let [added, known] = [0, 0]
  const problems: string[] = []
  for (const batch of batchesOf(found)) {
    const report = await server.importCertificates(batch, { kind: 'local', token: null, name: null })
    added += report.added
    known += report.known
    problems.push(...report.problems)
  }
  return { added, known, problems }
}
