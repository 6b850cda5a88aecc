import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { databaseFile } from '../../../src/store/sqlite/folder.ts'
import { InventoryQueries } from '../../../src/store/sqlite/inventory/queries/inventory-queries.ts'
import { createInventory } from '../../../src/store/sqlite/inventory/schema.ts'
import { openSqliteStore } from '../../../src/store/sqlite/open.ts'
import { entryOf, intentOf, outcomeOf, sha256 } from '../../support/facts.ts'

test.for([true, false])(
  'the PEM text of a certificate comes from the record (a body that repeats: %s)',
  async (repeats) => {
    const folder = await mkdtemp(join(tmpdir(), 'acmetap-pem-'))
    const opened = await openSqliteStore({ folder, now: 1, boot: newExchangeId(), software: 'test' })
    const id = newExchangeId()
    const pem = `-----BEGIN CERTIFICATE-----\n${'QUJD'.repeat(500)}\n-----END CERTIFICATE-----\n`
    const bodies = [
      { bytes: Buffer.from('another body'), repeats: false },
      { bytes: Buffer.from(pem), repeats },
    ]
    await opened.store.append(entryOf([intentOf(id), outcomeOf(id, { bodies })]))
    await opened.close()
    const record = new Database(databaseFile(folder), { readonly: true })
    const inventory = new Database(':memory:')
    createInventory(inventory)
    const insert = inventory.prepare(
      `insert into certificates (fingerprint, serial, issuer, not_before, not_after, spki, chain, alternates, source, exchange,
     body, first_sequence, last_sequence, first_at) values (?, '1', 'CN=x', 0, 1, '', '[]', '[]', 'observed', ?, ?, 1, 2, 0)`,
    )
    insert.run('aa', id, sha256(pem))
    insert.run('bb', id, sha256('never kept'))
    insert.run('cc', null, null)
    const queries = new InventoryQueries(inventory, record)
    expect(await queries.certificatePem('aa')).toBe(pem)
    expect(await queries.certificatePem('AA')).toBe(pem)
    for (const none of ['bb', 'cc', 'dd']) expect(await queries.certificatePem(none)).toBeNull()
    record.close()
    inventory.close()
    await rm(folder, { recursive: true })
  },
)
