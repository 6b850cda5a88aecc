import type Database from 'better-sqlite3'
import type { DnsRegistration } from '../../../engine/dns/registration-store.ts'
import { RowRefused } from '../row-refused.ts'

/** The names that acme-dns clients may set. */
export class RegistrationRows {
  readonly #run: ReturnType<typeof statements>

  constructor(db: Database.Database) {
    this.#run = statements(db)
  }

  all(): readonly DnsRegistration[] {
    return this.#run.all.all().map(({ body }) => JSON.parse(body) as DnsRegistration)
  }

  add(registration: DnsRegistration): void {
    const { subdomain, username } = registration
    if (this.#run.add.run(subdomain, username, JSON.stringify(registration)).changes === 0)
      throw new RowRefused(`there is a registration ${subdomain} already, or one of the same user`)
  }

  put(registration: DnsRegistration): void {
    const { subdomain, username } = registration
    if (this.#run.put.run(JSON.stringify(registration), subdomain, username).changes === 0)
      throw new RowRefused(`there is no registration ${subdomain}`)
  }

  remove(subdomain: string): void {
    this.#run.remove.run(subdomain)
  }
}

function statements(db: Database.Database) {
  return {
    all: db.prepare<[], { readonly body: string }>('select body from registrations order by number'),
    add: db.prepare<[string, string, string]>(
      'insert into registrations (subdomain, username, body) values (?, ?, ?) on conflict do nothing',
    ),
    put: db.prepare<[string, string, string]>(
      'update registrations set body = ? where subdomain = ? and username = ?',
    ),
    remove: db.prepare<[string]>('delete from registrations where subdomain = ?'),
  }
}
