/**
 * src/store/sqlite/engine keeps `engine.sqlite` beside the record: what acmetap's own ACME client must not forget.
 * Nothing of it can be made again from the record, so its schema has a history like the record's: append-only.
 *
 * `body` is the object as JSON, without what is sealed: that stands beside it, as does what is asked for.
 */
import type { NamedMigration } from '../named-migrations.ts'

export const ENGINE_MIGRATIONS: readonly NamedMigration[] = [
  {
    name: '0001_engine',
    sql: `
create table accounts (
  number integer primary key autoincrement, id text not null unique, key text not null, next_key text,
  body text not null
);

create table jobs (
  number integer primary key autoincrement, id text not null unique, certificate text not null,
  plan text, ended integer not null check (ended in (0, 1)), key text, body text not null
);
create unique index jobs_open on jobs (certificate) where ended = 0;
create index jobs_certificate on jobs (certificate, number);
create index jobs_plan on jobs (plan, number) where plan is not null;

create table presented (
  job text not null, url text not null, solver text not null, body text not null,
  primary key (job, url, solver)
) without rowid;

create table certificates (certificate text primary key, key text, body text not null) without rowid;

create table plans (number integer primary key autoincrement, id text not null unique, body text not null);

create table lines (
  plan text not null, line integer not null, body text not null, primary key (plan, line)
) without rowid;
`,
  },
  {
    name: '0002_registrations',
    sql: `
create table registrations (
  number integer primary key autoincrement, subdomain text not null unique, username text not null unique,
  body text not null
);
`,
  },
  {
    name: '0003_brokered',
    sql: `
update accounts set body = json_set(body, '$.tenant', null, '$.lostAt', null);

-- When a brokered job changed last, µs since 1970: such jobs are gone on with, and forgotten, by other rules.
alter table jobs add column brokered_at integer;
create index jobs_own on jobs (number) where ended = 0 and brokered_at is null;
create index jobs_brokered on jobs (ended, brokered_at) where brokered_at is not null;
`,
  },
]
