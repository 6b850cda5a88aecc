/** Lines of zone files that let acmetap prove names to the CAs, and that let nobody else. */
import type { Config } from '../../config/schema.ts'
import { persistRecord } from '../../engine/dns-persist/persist-record.ts'
import { issuerOfPreset } from '../../engine/preflight/issuers.ts'
import type { Migration } from './migration.ts'

export interface MigrationRecords {
  readonly proof: readonly string[]
  readonly caa: readonly string[]
  /** What they lack, one line each. */
  readonly notes: readonly string[]
}

/** `accounts`: URLs of acmetap's own accounts by CA, as far as they are known. */
export function migrationRecords(
  migration: Migration,
  config: Config,
  accounts: ReadonlyMap<string, string>,
): MigrationRecords {
  const names = migration.moves.filter(({ how }) => how !== 'stays').flatMap((move) => move.names)
  const zones = bare(names)
  const { dns } = config.engine
  const notes: string[] = []
  const proof: string[] = []
  const caa: string[] = []
  if (dns !== undefined) {
    for (const { name } of zones) proof.push(`_acme-challenge.${name}. IN CNAME ${name}.${dns.zone}.`)
  } else {
    notes.push(
      'Each record lets the account have certificates as long as it stays, at CAs that offer dns-persist-01. With engine.dns there would be a CNAME for each name instead (docs/dns-responder.md).',
    )
  }
  for (const ca of migration.cas) {
    const issuers = issuerOfPreset(config.cas[ca]?.preset ?? '')?.domains ?? []
    const url = accounts.get(ca)
    if (url === undefined)
      notes.push(
        `There is no account at ${ca} yet: acmetap engine accounts register ${ca} --agree-terms, then run this again for its records.`,
      )
    if (issuers.length === 0)
      notes.push(
        `${ca}: its name in CAA records is not known; look it up in its directory (meta.caaIdentities).`,
      )
    const [issuer] = issuers
    if (url === undefined || issuer === undefined) continue
    for (const { name, wildcard } of zones) {
      if (dns === undefined)
        proof.push(persistRecord(name, { issuer, accountUrl: url, wildcard, persistUntil: null }))
      const method = dns === undefined ? 'dns-persist-01' : 'dns-01'
      const value = `${issuer}; accounturi=${url}; validationmethods=${method}`
      caa.push(`${name}. IN CAA 0 issue "${value}"`)
      if (wildcard) caa.push(`${name}. IN CAA 0 issuewild "${value}"`)
    }
  }
  if (caa.length > 0)
    notes.push(
      'CAA records with accounturi let no other account issue: publish them when nobody goes direct any more. A CA may ignore parameters it does not know.',
    )
  return { proof, caa, notes }
}

/** Patterns as names, once each: `.a.example` and `*.a.example` are about a.example and what is below it. */
function bare(patterns: readonly string[]): { readonly name: string; readonly wildcard: boolean }[] {
  const found = new Map<string, boolean>()
  for (const pattern of patterns) {
    const name = pattern.replace(/^(?:\*\.|\.)/, '')
    found.set(name, found.get(name) === true || name !== pattern)
  }
  return [...found].map(([name, wildcard]) => ({ name, wildcard })).sort((a, b) => (a.name < b.name ? -1 : 1))
}
