import type { StoreUnavailable } from '../../audit/record-store.ts'

export type UnavailableReason = StoreUnavailable['reason']

/** Whose fault a result code of SQLite is. `null`: the entry's own, the store is well. */
export function unavailableCode(code: string): UnavailableReason | null {
  if (code === 'SQLITE_FULL') return 'full'
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return 'locked'
  if (/^SQLITE_(IOERR|CANTOPEN|READONLY|CORRUPT|NOTADB|PERM|PROTOCOL)/.test(code)) return 'io'
  if (/^SQLITE_(CONSTRAINT|TOOBIG|MISMATCH|RANGE)/.test(code)) return null
  return 'other'
}

/** The same of an error; one that is not SQLite's comes from the entry. */
export function unavailableReason(error: unknown): UnavailableReason | null {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && code.startsWith('SQLITE_') ? unavailableCode(code) : null
}
