import type { ListName } from './measure.ts'

export interface Question {
  readonly list: ListName
  /** As a caller writes it. */
  readonly filter: Readonly<Record<string, string>>
}

/** What stands in a generated inventory, so that filters find something. */
export interface Sample {
  /** Of the account with the most orders, and of one with few. */
  readonly busy: string
  readonly quiet: string
  readonly busyClient: string
  readonly quietClient: string
  readonly order: string
  readonly issuance: string
  readonly serial: string
  readonly source: string
}

/** Filters alone and together: found often, seldom, long ago, never; and pairs that are frequent alone and never meet. */
export function questionsAbout(sample: Sample): Question[] {
  const ask = (list: ListName, ...filters: Readonly<Record<string, string>>[]) =>
    filters.map((filter) => ({ list, filter }))
  const { busy, quiet, busyClient, quietClient } = sample
  const exact = { name: 'h00007.g007.scale.test' }
  const group = { name: '.g007.scale.test' }
  const everything = { name: '.scale.test' }
  const long = { since: '390d', until: '380d' }
  return [
    ...ask(
      'exchanges',
      {},
      { limit: '1000' },
      { ca: 'pebble' },
      { account: busy },
      { account: quiet },
      { client: busyClient },
      { client: quietClient },
      exact,
      group,
      everything,
      { name: '.absent.test' },
      long,
      { since: '1h' },
      { mode: 'relay', operation: 'finalize' },
      { operation: 'revokeCert' },
      { outcome: 'failed' },
      { outcome: 'running' },
      { outcome: 'unknown' },
      { status: '429' },
      { status: '503' },
      { problem: 'rateLimited' },
      { problem: 'caa', account: busy },
      { diagnosis: 'nxdomain' },
      { diagnosis: 'nxdomain', ...everything },
      { diagnosis: 'firewall', ...group, ...long },
      { order: sample.order },
      { issuance: sample.issuance },
      { account: busy, operation: 'newOrder', status: '400' },
      { ca: 'letsencrypt', mode: 'relay', operation: 'tunnel' },
      { ca: 'letsencrypt', status: '204', operation: 'finalize' },
      { ...everything, operation: 'renewalInfo', status: '500' },
      { ...everything, ...long, operation: 'certificate' },
      { account: quiet, ...long },
    ),
    ...ask('accounts', {}, { ca: 'pebble' }, { status: 'revoked' }, { since: '7d' }, { limit: '1000' }),
    ...ask(
      'clients',
      {},
      { account: busy },
      exact,
      group,
      everything,
      { source: sample.source },
      { program: 'nobody' },
      { ca: 'pebble' },
      { limit: '1000' },
    ),
    ...ask(
      'orders',
      {},
      { limit: '1000' },
      { status: 'invalid' },
      { status: 'processing' },
      { status: 'ready' },
      { diagnosis: 'challenge-not-answered' },
      { diagnosis: 'certificate-not-downloaded' },
      { diagnosis: 'unclassified' },
      { account: busy, status: 'invalid' },
      { client: quietClient },
      exact,
      group,
      { ...everything, profile: 'shortlived' },
      { ca: 'pebble', ...long },
    ),
    ...ask(
      'challenges',
      {},
      { type: 'dns-01' },
      { type: 'dns-01', status: 'invalid' },
      { status: 'invalid' },
      { problem: 'caa' },
      { diagnosis: 'servfail' },
      { account: busy, status: 'invalid' },
      { client: quietClient },
      exact,
      group,
      { ...everything, type: 'tls-alpn-01' },
    ),
    ...ask(
      'certificates',
      {},
      { limit: '1000' },
      { state: 'valid' },
      { state: 'expired' },
      { state: 'revoked' },
      { state: 'replaced' },
      { state: 'valid', expires_before: '7d' },
      { expires_before: '7d' },
      { serial: sample.serial },
      { issuer: 'Pebble Intermediate' },
      { issuer: 'nobody' },
      { source: 'imported' },
      { unmanaged: 'true' },
      { account: busy, state: 'revoked' },
      { client: quietClient },
      exact,
      group,
      { ...everything, state: 'expired', ca: 'pebble' },
    ),
    ...ask(
      'failures',
      {},
      { limit: '1000' },
      { diagnosis: 'nxdomain' },
      { diagnosis: 'order-not-finalized' },
      { problem: 'rateLimited' },
      { account: busy },
      { client: quietClient },
      { operation: 'newOrder', mode: 'relay' },
      { operation: 'revokeCert' },
      exact,
      group,
      { ...everything, diagnosis: 'caa', ca: 'pebble' },
      long,
    ),
    ...ask('rateLimits', {}, { account: busy }, { limit_name: 'nobody' }, group, long),
  ]
}
