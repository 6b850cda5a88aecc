import type { InventoriedCertificate } from '../../../src/audit/inventory/certificate.ts'
import type { Candidate } from '../../../src/engine/reissue/evaluate-where.ts'
import { aCertificate } from '../inventoried.ts'

/** An observed certificate that nobody has replaced or revoked, ending 2026-08-01. */
export function reissueCandidate(parts: Partial<InventoriedCertificate>): Candidate {
  return {
    certificate: aCertificate({
      notBefore: '2026-05-03T00:00:00.000Z',
      notAfter: '2026-08-01T00:00:00.000Z',
      replacedBy: null,
      revokedAt: null,
      revocationReason: null,
      revokedBy: null,
      source: 'observed',
      imported: null,
      ...parts,
    }),
    label: 'web-7',
    managed: false,
  }
}
