import type { LocalCaOperations } from '../api/local-ca-operations.ts'
import { OperationRefused } from '../api/operations.ts'

/** The local CAs of a server that has none: refuses everything in words. */
export function closedLocalCa(): LocalCaOperations {
  const refused = async (): Promise<never> => {
    throw new OperationRefused('there is no local CA on this server: add one under local_cas', 409)
  }
  return { certificates: refused, revoke: refused }
}
