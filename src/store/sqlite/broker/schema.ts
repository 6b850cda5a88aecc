/**
 * src/store/sqlite/broker keeps `broker.sqlite` beside the record: what acmetap as an ACME server must not forget, and what
 * its local CAs signed. Nothing of it can be made again from the record, so its schema is append-only.
 *
 * `body` is the object as JSON; what is asked for or counted stands beside it, and what is sealed stands there alone.
 * Every lookup for a client goes by an index that holds id and owner: what is another's is not found where what is
 * missing is not found.
 */
import type { NamedMigration } from '../named-migrations.ts'

export const BROKER_MIGRATIONS: readonly NamedMigration[] = [
  {
    name: '0001_broker',
    sql: `
create table accounts (
  number integer primary key autoincrement, id text not null, endpoint text not null, status text not null,
  thumbprint text not null, eab_key text, body text not null
);
create unique index accounts_id on accounts (id, endpoint);
create unique index accounts_key on accounts (endpoint, thumbprint);
create index accounts_eab on accounts (eab_key, number) where eab_key is not null;

create table eab_keys (
  number integer primary key autoincrement, id text not null unique, mac text not null, uses integer,
  used integer not null, expires_at integer, revoked_at integer, body text not null
);

create table orders (
  number integer primary key autoincrement, id text not null, account text not null, endpoint text not null,
  ca text not null, status text not null, changed_at integer not null, body text not null
);
create unique index orders_id on orders (id, account, endpoint);
create index orders_account on orders (account, endpoint, number) where status <> 'invalid';
create index orders_open on orders (number) where status not in ('valid', 'invalid');
create index orders_endpoint on orders (endpoint, number);
create index orders_ca on orders (ca, number);
create index orders_invalid on orders (changed_at) where status = 'invalid';

create table authorizations (
  number integer primary key autoincrement, id text not null, account text not null, endpoint text not null,
  name text not null, status text not null, validating integer not null check (validating in (0, 1)),
  expires_at integer not null, body text not null
);
create unique index authorizations_id on authorizations (id, account, endpoint);
create index authorizations_name on authorizations (account, endpoint, name, status, expires_at)
  where status in ('valid', 'pending');
create index authorizations_validating on authorizations (number) where validating = 1;
create index authorizations_end on authorizations (expires_at);

create table awaited (
  authorization text not null, order_number integer not null, primary key (authorization, order_number)
) without rowid;

create table certificates (
  number integer primary key autoincrement, id text not null, account text not null, endpoint text not null,
  order_id text not null, fingerprint text not null, ari_id text, not_after integer not null, body text not null
);
create unique index certificates_id on certificates (id, account, endpoint);
create index certificates_fingerprint on certificates (fingerprint, endpoint, number);
create index certificates_ari on certificates (ari_id, endpoint, number) where ari_id is not null;
create index certificates_end on certificates (not_after);

create table local_certificates (
  ca text not null, serial text not null, generation integer not null, order_id text not null,
  certificate blob not null, not_before integer not null, not_after integer not null, issued_at integer not null,
  revoked_at integer, reason integer,
  primary key (ca, serial)
) without rowid;
create unique index local_certificates_order on local_certificates (ca, order_id);
create index local_certificates_issued on local_certificates (issued_at, serial);
create index local_certificates_of_ca on local_certificates (ca, issued_at, serial);
create index local_certificates_revoked on local_certificates (ca, generation, serial) where revoked_at is not null;
create index local_certificates_last on local_certificates (ca, generation, not_after);
create index local_certificates_end on local_certificates (not_after);

create table local_crls (
  ca text not null, generation integer not null, number integer not null, list blob not null,
  this_update integer not null, next_update integer not null,
  primary key (ca, generation)
) without rowid;
`,
  },
]
