import type { InventoriedCertificate } from '../../audit/inventory/certificate.ts'
import { keyText, stateOf } from '../describe-inventory.ts'
import { renderFields } from '../render.ts'
import type { Terminal } from '../terminal.ts'
import { microsOf, relativeTime } from '../time.ts'

type Fields = (readonly [string, string | null])[]

/** One certificate in full, in sections. Ends in a newline. */
export function renderCertificate(terminal: Terminal, certificate: InventoriedCertificate): string {
  const { colors } = terminal
  const state = stateOf(certificate, terminal.now())
  const paint = state === 'valid' ? colors.green : state === 'revoked' ? colors.red : colors.yellow
  const section = (title: string, fields: Fields) => {
    const shown = renderFields(terminal, fields, true)
    return shown === '' ? '' : `\n${colors.bold(title)}\n${shown}`
  }
  return [
    `${colors.bold(`certificate ${certificate.serial}`)}  ${paint(state)}\n`,
    renderFields(terminal, contentFields(certificate, terminal.now()), true),
    section('how it came about', originFields(certificate)),
    section('what became of it', fateFields(certificate, terminal.now())),
  ].join('')
}

function contentFields(one: InventoriedCertificate, now: number): Fields {
  const until = relativeTime(microsOf(one.notAfter), now)
  return [
    ['names', one.identifiers.map(({ value }) => value).join(', ') || null],
    ['common name', one.commonName],
    ['issuer', one.issuer],
    [
      'valid',
      `${one.notBefore} to ${one.notAfter} (${microsOf(one.notAfter) > now ? 'ends' : 'ended'} ${until})`,
    ],
    ['key', one.keyType === null ? null : keyText(one)],
    ['profile', one.profile],
    ['serial', one.serial],
    ['SHA-256', one.fingerprint],
    ['SPKI SHA-256', one.spki],
    ['ARI id', one.ariId],
    ...one.chain.map(({ subject }, index) => [index === 0 ? 'came with' : '', subject] as const),
    ...one.alternates.map((subject, index) => [index === 0 ? 'other chains to' : '', subject] as const),
  ]
}

function originFields(one: InventoriedCertificate): Fields {
  const { imported } = one
  return [
    ['ca', one.ca],
    ['account', one.account?.url ?? null],
    ['client', one.client === null ? null : `${one.client}  (acmetap clients show ${one.client})`],
    ['order', one.order === null ? null : `${one.order}  (acmetap orders show ${one.order})`],
    ['first seen', one.firstSeen],
    ...one.downloadedBy.map(
      ({ account, firstAt }) => ['downloaded', `${firstAt} by ${account ?? 'somebody unknown'}`] as const,
    ),
    ['imported', imported === null ? null : `${imported.at} from ${imported.path} on ${imported.host}`],
    [
      'unmanaged',
      imported?.unmanaged === true ? 'its client does not go through acmetap: only imports tell of it' : null,
    ],
    ['exchange', one.exchange],
  ]
}

/** RFC 5280 §5.3.1. */
const REASONS: Readonly<Record<number, string>> = {
  0: 'unspecified',
  1: 'keyCompromise',
  2: 'cACompromise',
  3: 'affiliationChanged',
  4: 'superseded',
  5: 'cessationOfOperation',
  6: 'certificateHold',
  8: 'removeFromCRL',
  9: 'privilegeWithdrawn',
  10: 'aACompromise',
}

/** `keyCompromise`; a number that means nothing is told as it is. */
export function reasonText(reason: number | null): string {
  return reason === null ? 'no reason given' : (REASONS[reason] ?? `reason ${reason}`)
}

function fateFields(one: InventoriedCertificate, now: number): Fields {
  const { renewalWindow: window, revokedAt, revokedBy } = one
  const by = revokedBy === 'certificateKey' ? "with the certificate's key" : 'with an account key'
  return [
    ['revoked', revokedAt === null ? null : `${revokedAt}, ${reasonText(one.revocationReason)}, ${by}`],
    ['replaces', one.replaces],
    ['replaced by', one.replacedBy],
    [
      'renew',
      window === null
        ? null
        : `${window.start} to ${window.end}, said the CA ${relativeTime(microsOf(window.askedAt), now)}`,
    ],
    ['because', window?.explanation ?? null],
  ]
}
