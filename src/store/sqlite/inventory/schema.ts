import type Database from 'better-sqlite3'

/** A file of another number is made again from the record. */
export const SCHEMA = '6'

/** Makes the tables in an empty database. See `tables.ts` for what they mean. */
export function createInventory(db: Database.Database): void {
  db.exec(`
create table state (name text primary key not null, value text not null) without rowid;
create table words (id integer primary key, word text not null unique);
create table names (id integer primary key, type integer not null, value text not null, reversed text not null, unique (value, type));
create index names_reversed on names (reversed);
create table name_sets (id integer primary key, digest blob not null unique, identifiers text not null);
create table name_set_members (name integer not null, names integer not null, primary key (name, names)) without rowid;

create table exchanges (
  sequence integer primary key, at integer not null, ended integer, ca integer, mode integer not null,
  operation integer not null, outcome integer, status integer, problem integer, diagnosis integer, account integer,
  client integer, names integer, order_id integer
);
create index exchanges_account on exchanges (account, sequence) where account is not null;
create index exchanges_client on exchanges (client, sequence) where client is not null;
create index exchanges_names on exchanges (names, sequence) where names is not null;
create index exchanges_order on exchanges (order_id, sequence) where order_id is not null;
create index exchanges_problem on exchanges (problem, sequence) where problem is not null;
create index exchanges_diagnosis on exchanges (diagnosis, sequence) where diagnosis is not null;
create index exchanges_running on exchanges (sequence) where ended is null;
create table hours (hour integer primary key, first integer not null, last integer not null);

create table accounts (
  id integer primary key, key text not null unique, ca integer not null, url text not null, status text,
  thumbprint text, key_type text, contacts text not null, requester text, external_account text,
  key_changes text not null, first_sequence integer not null, last_sequence integer not null,
  first_at integer not null, last_at integer not null
);
create index accounts_first on accounts (first_sequence);
create index accounts_url on accounts (url);
create index accounts_thumbprint on accounts (thumbprint);
create table clients (
  id integer primary key, key text not null unique, account integer, source text, label text, program text,
  versions text not null, user_agent text, modes text not null, asked_ari_at integer,
  first_sequence integer not null, last_sequence integer not null, first_at integer not null, last_at integer not null
);
create index clients_first on clients (first_sequence);
create index clients_account on clients (account);
create index clients_place on clients (source, label, program);

create table orders (
  id integer primary key, key text not null unique, ca integer not null, url text not null, account integer,
  client integer, names integer, status text, expires integer, profile text, replaces text, not_before integer,
  not_after integer, requests integer not null, csr text, certificate integer, certificate_url text,
  finalized_at integer, error_type text, error_detail text, diagnosis integer, first_sequence integer not null,
  last_sequence integer not null, first_at integer not null, last_at integer not null
);
create index orders_account on orders (account, first_sequence);
create index orders_client on orders (client, first_sequence);
create index orders_names on orders (names, first_sequence);
create index orders_first on orders (first_sequence);
create index orders_status on orders (status, first_sequence);
create index orders_standing on orders (first_sequence) where diagnosis is null and status in ('pending', 'ready');
create index orders_undelivered on orders (first_sequence) where diagnosis is null and status = 'valid' and certificate is null;
create index orders_url on orders (url);
create index orders_key on orders (json_extract(csr, '$.spki')) where csr is not null;
create index orders_certificate_url on orders (certificate_url) where certificate_url is not null;

create table authorizations (
  id integer primary key, key text not null unique, ca integer not null, url text not null, account integer,
  name integer, wildcard integer not null, status text, expires integer, valid_sequence integer,
  first_sequence integer not null, last_sequence integer not null
);
create index authorizations_name on authorizations (name) where name is not null;
create table order_authorizations (
  order_id integer not null, authorization integer not null, reused integer not null,
  primary key (order_id, authorization)
) without rowid;
create index order_authorizations_authorization on order_authorizations (authorization);

create table challenges (
  id integer primary key, key text not null unique, ca integer not null, url text not null, authorization integer,
  account integer, type text, status text, answered_at integer, judged_at integer, error_type text,
  error_detail text, diagnosis integer, first_sequence integer not null, last_sequence integer not null,
  first_at integer not null, last_at integer not null
);
create index challenges_authorization on challenges (authorization);
create index challenges_seen on challenges (first_sequence) where answered_at is not null or judged_at is not null;
create index challenges_account on challenges (account, first_sequence) where answered_at is not null or judged_at is not null;
create index challenges_diagnosis on challenges (diagnosis, first_sequence) where diagnosis is not null;

create table certificates (
  id integer primary key, fingerprint text not null unique, serial text not null, ca integer, names integer,
  common_name text, issuer text not null, not_before integer not null, not_after integer not null, key_type text,
  key_bits integer, spki text not null, ari_id text, profile text, chain text not null, alternates text not null,
  url text, order_id integer, account integer, client integer, replaces integer, replaced_by integer,
  revoked_at integer, revocation_reason integer, revoked_by text, window_start integer, window_end integer,
  window_asked_at integer, window_explanation text, source text not null, imported text, exchange text, body text,
  first_sequence integer not null, last_sequence integer not null, first_at integer not null
);
create index certificates_serial on certificates (serial);
create index certificates_ari on certificates (ari_id) where ari_id is not null;
create index certificates_key on certificates (spki);
create index certificates_names on certificates (names, not_before);
create index certificates_account on certificates (account, first_sequence);
create index certificates_client on certificates (client, first_sequence);
create index certificates_first on certificates (first_sequence, id, not_after, revoked_at, replaced_by);
create index certificates_expiry on certificates (not_after);
create index certificates_current on certificates (not_after, ca) where revoked_at is null and replaced_by is null;
create index certificates_imported on certificates (first_sequence) where imported is not null;
create table certificate_downloads (
  certificate integer not null, account integer, first_at integer not null, last_at integer not null,
  unique (certificate, account)
);

create table failures (
  id integer primary key, key text not null unique, sequence integer not null, exchange text not null,
  at integer not null, ca integer, mode integer not null, operation integer not null, account integer,
  client integer, names integer, challenge integer, challenge_type text, order_id integer, outcome integer not null,
  status integer, problem integer, detail text, diagnosis integer not null, details text not null
);
create index failures_sequence on failures (sequence);
create index failures_at on failures (at, ca, diagnosis);
create index failures_diagnosis on failures (diagnosis, sequence);
create index failures_problem on failures (problem, sequence);
create index failures_account on failures (account, sequence);
create index failures_client on failures (client, sequence);
create index failures_names on failures (names, sequence);
create index failures_order on failures (order_id) where order_id is not null;

create table rate_limits (
  sequence integer primary key, exchange text not null, at integer not null, ca integer, account integer,
  client integer, names integer, operation integer not null, by text not null, limit_name text not null, key text,
  until integer, detail text
);

create table happenings (
  fact integer not null, n integer not null, kind text not null, at integer not null, exchange text not null, ca integer,
  mode integer not null, operation integer not null, account integer, client integer, order_id integer, names integer,
  body text not null,
  primary key (fact, n)
) without rowid;

create table summary (
  hour integer not null, ca integer not null, mode integer not null, operation integer not null,
  outcome integer not null, problem integer not null, diagnosis integer not null, kept integer not null,
  exchanges integer not null,
  primary key (hour, ca, mode, operation, outcome, problem, diagnosis, kept)
) without rowid;
create index summary_empty on summary (hour) where exchanges <= 0;
create table summary_days (
  day integer not null, ca integer not null, mode integer not null, operation integer not null,
  outcome integer not null, problem integer not null, diagnosis integer not null, exchanges integer not null,
  primary key (day, ca, mode, operation, outcome, problem, diagnosis)
) without rowid;
create trigger summary_added after insert on summary begin
  insert into summary_days values (new.hour / 24, new.ca, new.mode, new.operation, new.outcome, new.problem, new.diagnosis, new.exchanges)
  on conflict do update set exchanges = exchanges + excluded.exchanges;
end;
create trigger summary_changed after update of exchanges on summary begin
  update summary_days set exchanges = exchanges + new.exchanges - old.exchanges where day = new.hour / 24 and ca = new.ca
  and mode = new.mode and operation = new.operation and outcome = new.outcome and problem = new.problem and diagnosis = new.diagnosis;
end;
create trigger summary_removed after delete on summary begin
  update summary_days set exchanges = exchanges - old.exchanges where day = old.hour / 24 and ca = old.ca
  and mode = old.mode and operation = old.operation and outcome = old.outcome and problem = old.problem and diagnosis = old.diagnosis;
end;

insert into state (name, value) values ('schema', '${SCHEMA}');
`)
}
