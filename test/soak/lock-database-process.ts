/** `node test/soak/lock-database-process.ts FILE`: begins a write on an SQLite file and keeps it open until it is killed. */
import Database from 'better-sqlite3'

const db = new Database(process.argv[2] ?? '', { fileMustExist: true, timeout: 5000 })
db.exec('BEGIN IMMEDIATE')
console.log('locked')
// A connection nothing refers to is collected, and its lock goes with it.
setInterval(() => db.open, 60_000)
