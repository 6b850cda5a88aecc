import { filterQuery } from '../api/filter-query.ts'
import type { LocalCaOperations, ShownLocalCertificate } from '../api/local-ca-operations.ts'

interface Calls {
  get<T>(path: string): Promise<T>
  post<T>(path: string, body?: unknown): Promise<T>
}

/** The local CAs of the server behind a control socket. */
export function remoteLocalCa({ get, post }: Calls): LocalCaOperations {
  return {
    certificates: async (filter) =>
      (await get<{ certificates: ShownLocalCertificate[] }>(`/local-ca/certificates?${filterQuery(filter)}`))
        .certificates,
    revoke: (request) => post<ShownLocalCertificate>('/local-ca/revoke', request),
  }
}
