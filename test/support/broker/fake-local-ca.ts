import type {
  LocalCaOperations,
  LocalCertificateFilter,
  LocalRevocation,
  ShownLocalCertificate,
} from '../../../src/api/local-ca-operations.ts'
import { OperationRefused } from '../../../src/api/operations.ts'
import type { Actor } from '../../../src/audit/event.ts'

/** Local CAs that answer what they were given, and remember how they were asked. */
export class FakeLocalCa implements LocalCaOperations {
  readonly calls: unknown[][] = []
  list: ShownLocalCertificate[] = []

  async certificates(filter: LocalCertificateFilter) {
    this.calls.push(['certificates', filter])
    return this.list.slice(0, filter.limit)
  }
  async revoke({ ca, serial, reason }: LocalRevocation, actor: Actor) {
    this.calls.push(['revoke', ca, serial, reason, actor])
    const found = this.list.find((one) => one.ca === ca && one.serial === serial)
    if (found === undefined) throw new OperationRefused(`nothing has the serial ${serial}`, 404)
    return { ...found, revokedAt: found.issuedAt, reason }
  }
}
