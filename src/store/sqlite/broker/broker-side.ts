import type Database from 'better-sqlite3'
import { messageOf } from '../../../exchange/message-of.ts'
import type { ThreadSide } from '../../thread-side.ts'
import { StoreFaults } from '../faults.ts'
import { RowRefused } from '../row-refused.ts'
import { AccountRows } from './account-rows.ts'
import { brokerFile, openBrokerFile } from './broker-file.ts'
import { CertificateRows } from './certificate-rows.ts'
import { LocalCaRows } from './local-ca-rows.ts'
import { OrderRows } from './order-rows.ts'

export interface BrokerData {
  readonly folder: string
  /** For tests only. */
  readonly faults: SharedArrayBuffer | null
}

/** What can be read. Objects go between threads as the text they are kept as: cloning a tree costs more. */
export type BrokerReads = ReturnType<typeof readsOf>
/** What can be written; each within a transaction that others may share. */
export type BrokerWrites = ReturnType<typeof writesOf>

export interface BrokerRead {
  readonly name: keyof BrokerReads
  readonly given: readonly unknown[]
}

export interface BrokerWrite {
  readonly name: keyof BrokerWrites
  readonly given: readonly unknown[]
}

/** What became of one write of several. */
export type Written = { readonly value: unknown } | { readonly refused: string }

/** Owns the one connection, for reading and writing. Throws StoreRefusal and SqliteError. */
export function brokerSide({ folder, faults: control }: BrokerData): ThreadSide {
  const db = openBrokerFile(brokerFile(folder))
  const faults = control && new StoreFaults(control)
  const rows: Rows = {
    accounts: new AccountRows(db),
    orders: new OrderRows(db),
    certificates: new CertificateRows(db),
    local: new LocalCaRows(db),
  }
  const reads = readsOf(rows)
  const writes = writesOf(rows)
  const savepoint = {
    begin: db.prepare('savepoint one'),
    undo: db.prepare('rollback to one'),
    release: db.prepare('release one'),
  }
  const one = ({ name, given }: BrokerWrite): Written => {
    const write = writes[name] as (...given: readonly unknown[]) => unknown
    savepoint.begin.run()
    try {
      return { value: write(...given) }
    } catch (error) {
      if (!isItsOwnFault(error)) throw error
      savepoint.undo.run()
      return { refused: messageOf(error) }
    } finally {
      if (db.inTransaction) savepoint.release.run()
    }
  }
  return {
    handlers: {
      read({ name, given }: BrokerRead) {
        const read = reads[name] as (...given: readonly unknown[]) => unknown
        return read(...given)
      },
      write(list: readonly BrokerWrite[]): Written[] {
        const written = commit(db, faults, () => list.map(one))
        // What was sealed under the secret of before would stay in the log until it is written over.
        if (list.some(({ name }) => name === 'reseal')) db.pragma('wal_checkpoint(TRUNCATE)')
        return written
      },
    },
    close: () => db.close(),
  }
}

interface Rows {
  readonly accounts: AccountRows
  readonly orders: OrderRows
  readonly certificates: CertificateRows
  readonly local: LocalCaRows
}

function readsOf({ accounts, orders, certificates, local }: Rows) {
  return {
    account: accounts.account.bind(accounts),
    accountByKey: accounts.accountByKey.bind(accounts),
    accounts: accounts.accounts.bind(accounts),
    eabKeys: accounts.eabKeys.bind(accounts),
    eabKey: accounts.eabKey.bind(accounts),
    sealed: accounts.sealed.bind(accounts),
    order: orders.order.bind(orders),
    anyOrder: orders.anyOrder.bind(orders),
    ordersOf: orders.ordersOf.bind(orders),
    openOrders: orders.openOrders.bind(orders),
    orders: orders.orders.bind(orders),
    authorization: orders.authorization.bind(orders),
    authorizations: orders.authorizations.bind(orders),
    reusable: orders.reusable.bind(orders),
    beingValidated: orders.beingValidated.bind(orders),
    pendingOrdersOf: orders.pendingOrdersOf.bind(orders),
    certificate: certificates.certificate.bind(certificates),
    certificateByFingerprint: certificates.byFingerprint.bind(certificates),
    certificateByAriId: certificates.byAriId.bind(certificates),
    localCertificate: local.certificate.bind(local),
    localCertificates: local.certificates.bind(local),
    localRevoked: local.revoked.bind(local),
    localCrl: local.crl.bind(local),
    localLastEnd: local.lastEnd.bind(local),
  }
}

/** Objects that are forgotten in one transaction. */
const PRUNED_AT_ONCE = 200

function writesOf({ accounts, orders, certificates, local }: Rows) {
  return {
    addAccount: accounts.addAccount.bind(accounts),
    putAccount: accounts.putAccount.bind(accounts),
    addEabKey: accounts.addEabKey.bind(accounts),
    putEabKey: accounts.putEabKey.bind(accounts),
    reseal: accounts.reseal.bind(accounts),
    addOrder: orders.addOrder.bind(orders),
    putOrder: orders.putOrder.bind(orders),
    addAuthorization: orders.addAuthorization.bind(orders),
    putAuthorization: orders.putAuthorization.bind(orders),
    addCertificate(
      certificate: Parameters<CertificateRows['add']>[0],
      body: string,
      order: Parameters<OrderRows['putOrder']>[0],
      orderBody: string,
    ): void {
      certificates.add(certificate, body)
      orders.putOrder(order, orderBody, null)
    },
    putCertificate: certificates.put.bind(certificates),
    addLocalCertificate: local.add.bind(local),
    revokeLocalCertificate: local.revoke.bind(local),
    putLocalCrl: local.putCrl.bind(local),
    /** 0: nothing is left to forget. */
    prune: (before: number): number =>
      certificates.prune(before, PRUNED_AT_ONCE) ||
      orders.pruneOrders(before, PRUNED_AT_ONCE) ||
      orders.pruneAuthorizations(before, PRUNED_AT_ONCE),
    pruneLocal: (before: number): number => local.prune(before, PRUNED_AT_ONCE),
  }
}

/** Of what was to be written, not of the disk: it takes no other write with it. */
function isItsOwnFault(error: unknown): boolean {
  if (error instanceof RowRefused) return true
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code.startsWith('SQLITE_CONSTRAINT') : error instanceof TypeError
}

function commit<T>(db: Database.Database, faults: StoreFaults | null, change: () => T): T {
  db.exec('begin immediate')
  try {
    const value = change()
    if (faults === null) db.exec('commit')
    else faults.commit(() => db.exec('commit'))
    return value
  } catch (error) {
    if (db.inTransaction) db.exec('rollback')
    throw error
  }
}
