/**
 * Why a store will not be opened, backed up or restored. The message is for the operator: what is wrong, with
 * which file, and what to do. The operator's fault or the disk's, never a client's.
 */
export class StoreRefusal extends Error {
  readonly reason: RefusalReason
  constructor(reason: RefusalReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreRefusal'
    this.reason = reason
  }
}

export type RefusalReason =
  /** Another process serves from the folder. */
  | 'inUse'
  /** The database was written by a newer acmetap. */
  | 'newerSchema'
  /** The database was written by an older acmetap, and the reader changes nothing. */
  | 'olderSchema'
  | 'missing'
  /** A file that is not an acmetap database. */
  | 'foreign'
  /** The database would not promise what is asked of it (WAL, synchronous=FULL). */
  | 'notDurable'
  /** Something would be overwritten. */
  | 'exists'
  | 'damaged'
  | 'io'
