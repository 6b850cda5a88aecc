import type { NamedMigration } from '../named-migrations.ts'
import { KNOWN_TABLE } from './known-things.ts'

/**
 * src/store/sqlite/alerts keeps `alerts.sqlite` beside the record: alerts, what is to be told and was told, silences,
 * the watch list, and which happening was evaluated last. Nothing of it can be made again from the record, so its schema
 * has a history like the record's: append-only, because a database out there was made by it.
 *
 * Times are ms since 1970. `body` is the object as JSON; what is searched for stands beside it in columns.
 */
export const ALERT_MIGRATIONS: readonly NamedMigration[] = [
  {
    name: '0001_alerts',
    sql: `
create table alerts (
  number integer primary key, id text not null unique, rule text not null, key text not null,
  state text not null check (state in ('firing', 'resolved')), severity text not null, ca text, client text,
  since integer not null, resolved integer, wake integer, count integer not null, body text not null,
  kept text not null
);
create unique index alerts_firing on alerts (rule, key) where state = 'firing';
create index alerts_wake on alerts (wake, id) where wake is not null;
create index alerts_since on alerts (since);
create index alerts_resolved on alerts (resolved) where resolved is not null;
create index alerts_rule on alerts (rule, number);
create index alerts_client on alerts (client, number) where client is not null;

create table alert_names (
  reversed text not null, alert integer not null, primary key (reversed, alert)
) without rowid;
create index alert_names_alert on alert_names (alert);

create table waiting (
  number integer primary key autoincrement, channel text not null, alert text not null, kind text not null,
  lane text not null, told_with text not null, due integer not null, unique (channel, alert)
);
create index waiting_lane on waiting (lane, number);

create table lanes (id text primary key, channel text not null, due integer, body text not null) without rowid;
create index lanes_due on lanes (due, id) where due is not null;

create table notes (name text primary key, value text not null) without rowid;

create table notifications (
  number integer primary key autoincrement, id text not null, channel text not null, key text not null,
  rule text, made integer not null, state text not null check (state in ('waiting', 'delivered', 'refused')),
  attempts integer not null, due integer not null, settled integer, error text,
  escalated integer not null default 0, body text not null,
  unique (id, channel)
);
create index notifications_waiting on notifications (channel, key, number) where state = 'waiting';
create index notifications_undelivered on notifications (channel, made) where state <> 'delivered' and escalated = 0;
create index notifications_made on notifications (made);
create index notifications_channel on notifications (channel, number);

create table silences (
  number integer primary key, id text not null unique, until integer not null, ended integer, body text not null
);
create index silences_until on silences (until);

create table endpoints (
  number integer primary key, endpoint text not null unique, source text not null, host text not null,
  standing text not null, body text not null
);

${KNOWN_TABLE};

create table state (name text primary key, value text not null) without rowid;
`,
  },
]
