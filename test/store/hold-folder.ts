/** Opens the store and keeps it until it is killed. */
import { openSqliteStore } from '../../src/store/sqlite/open.ts'

const [, , folder = '', boot = ''] = process.argv
await openSqliteStore({ folder, now: 1, boot, software: 'test' })
process.stdout.write('ready\n')
