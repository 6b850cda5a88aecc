import Database from 'better-sqlite3'

type Row = Record<string, unknown>

/** What a number in a column refers to. */
const REFERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  names: { type: 'word' },
  exchanges: {
    ca: 'word',
    mode: 'word',
    operation: 'word',
    outcome: 'word',
    problem: 'word',
    diagnosis: 'word',
    account: 'account',
    client: 'client',
    names: 'set',
    order_id: 'order',
  },
  accounts: { ca: 'word' },
  clients: { account: 'account' },
  orders: {
    ca: 'word',
    account: 'account',
    client: 'client',
    names: 'set',
    certificate: 'certificate',
    diagnosis: 'word',
  },
  authorizations: { ca: 'word', account: 'account', name: 'name' },
  order_authorizations: { order_id: 'order', authorization: 'authorization' },
  challenges: { ca: 'word', authorization: 'authorization', account: 'account', diagnosis: 'word' },
  certificates: {
    ca: 'word',
    names: 'set',
    order_id: 'order',
    account: 'account',
    client: 'client',
    replaces: 'certificate',
    replaced_by: 'certificate',
  },
  certificate_downloads: { certificate: 'certificate', account: 'account' },
  failures: {
    ca: 'word',
    mode: 'word',
    operation: 'word',
    account: 'account',
    client: 'client',
    names: 'set',
    challenge: 'challenge',
    order_id: 'order',
    outcome: 'word',
    problem: 'word',
    diagnosis: 'word',
  },
  rate_limits: { ca: 'word', account: 'account', client: 'client', names: 'set', operation: 'word' },
  happenings: {
    ca: 'word',
    mode: 'word',
    operation: 'word',
    account: 'account',
    client: 'client',
    order_id: 'order',
    names: 'set',
  },
  summary: {
    ca: 'word',
    mode: 'word',
    operation: 'word',
    outcome: 'word',
    problem: 'word',
    diagnosis: 'word',
  },
  hours: {},
  name_sets: {},
}

const NATURAL: Readonly<Record<string, string>> = {
  word: 'select id, word as natural from words',
  name: 'select id, value as natural from names',
  set: 'select id, hex(digest) as natural from name_sets',
  account: 'select id, key as natural from accounts',
  client: 'select id, key as natural from clients',
  order: 'select id, key as natural from orders',
  authorization: 'select id, key as natural from authorizations',
  challenge: 'select id, key as natural from challenges',
  certificate: 'select id, fingerprint as natural from certificates',
}

/** Every table of an inventory, its rows in no order of their own and without the numbers it gave them. */
export function dumpInventory(file: string): Record<string, string[]> {
  const db = new Database(file, { readonly: true })
  try {
    const natural = new Map<string, Map<unknown, unknown>>()
    for (const [kind, sql] of Object.entries(NATURAL)) {
      const rows = db.prepare(sql).all() as { id: number; natural: string }[]
      natural.set(kind, new Map(rows.map((row) => [row.id, row.natural])))
    }
    const dump: Record<string, string[]> = {}
    for (const [table, refers] of Object.entries(REFERS)) {
      const rows = db.prepare(`select * from ${table}`).all() as Row[]
      dump[table] = rows.map((row) => JSON.stringify(plain(row, refers, natural))).sort()
    }
    return dump
  } finally {
    db.close()
  }
}

function plain(
  row: Row,
  refers: Readonly<Record<string, string>>,
  natural: Map<string, Map<unknown, unknown>>,
): Row {
  const shown: Row = {}
  for (const [column, value] of Object.entries(row)) {
    if (column === 'id') continue
    const kind = refers[column]
    const isNumber = kind !== undefined && value !== null && value !== 0
    if (isNumber && !natural.get(kind)?.has(value))
      throw new Error(`${column} refers to ${kind} ${value}, which is not there`)
    shown[column] = isNumber
      ? natural.get(kind)?.get(value)
      : Buffer.isBuffer(value)
        ? value.toString('hex')
        : value
  }
  return shown
}
