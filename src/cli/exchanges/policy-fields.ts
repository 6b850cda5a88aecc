import type { CertificateRequest } from '../../acme/certificate-request.ts'
import type { RecordedExchange } from '../../audit/record-store.ts'
import type { Asked } from '../../exchange/asked.ts'
import type { Deciding } from '../../exchange/decision.ts'
import type { Truth } from '../../policy/truth.ts'

type Field = readonly [name: string, value: string | null]

/** Names and rules of one kind that are shown; of the others, how many. */
const SHOWN = 10

/** Whether a rule or a condition matched, in words. */
export const MATCHED: Readonly<Record<Truth | 'expired', string>> = {
  true: 'yes',
  false: 'no',
  unknown: 'not known',
  elsewhere: 'asked elsewhere',
  none: 'not about this',
  expired: 'expired',
}

/** What the policy made of a request; empty where none was in force. Nothing is escaped yet. */
export function policyFields({ intent }: RecordedExchange): readonly Field[] {
  const { policy } = intent.decision
  if (!policy) return []
  const { decided, would, warnings, names, deniedNames, rules, read } = policy
  const same = decided.effect === would.effect && decided.rule === would.rule
  const denied = names.slice(0, SHOWN)
  const more = deniedNames - denied.length
  return [
    ['decided', decidingText(decided)],
    ['if enforced', same ? null : decidingText(would)],
    ['in full', `acmetap policy explain ${intent.exchange}`],
    ...warnings.map(({ rule, message }): Field => ['warning', `${rule}: ${message}`]),
    ...denied.map(
      (name): Field => [
        'name',
        `${name.identifier.value}: ${decidingText(name)}${name.message === '' ? '' : `: ${name.message}`}`,
      ],
    ),
    ['', more > 0 ? `and ${more} more names` : null],
    ...rules
      .slice(0, SHOWN)
      .map(
        ({ rule, effect, matched, because }): Field => [
          'rule',
          `${rule} (${effect}): ${MATCHED[matched]}${because === null ? '' : `: ${because}`}`,
        ],
      ),
    ['', rules.length > SHOWN ? `and ${rules.length - SHOWN} more rules` : null],
    ...Object.entries(read.history ?? {}).map(
      ([question, count]): Field => ['counted', `${question}: ${count}`],
    ),
    ...Object.entries(read.webhooks ?? {}).map(
      ([name, { allow, reason }]): Field => [
        'webhook',
        `${name}: ${allow === null ? 'no answer' : allow ? 'allow' : 'deny'}${reason === null ? '' : `: ${reason}`}`,
      ],
    ),
  ]
}

function decidingText({ effect, rule }: Deciding): string {
  return `${effect} by ${rule}`
}

/** What the request asked for beyond its names. */
export function askedFields({ intent }: RecordedExchange): readonly Field[] {
  return intent.asked ? fieldsOf(intent.asked) : []
}

function fieldsOf(asked: Asked): readonly Field[] {
  switch (asked.kind) {
    case 'order':
      return [
        ['profile', asked.profile],
        ['notBefore', asked.notBefore],
        ['notAfter', asked.notAfter],
        ['replaces', asked.replaces],
      ]
    case 'authorization':
      return [['subdomains', asked.subdomains ? 'yes' : null]]
    case 'account':
      return [
        ['external account', asked.externalAccount],
        ['only existing', asked.onlyReturnExisting ? 'yes' : null],
        ['status', asked.status],
        ['new contacts', asked.contacts === undefined ? null : String(asked.contacts)],
      ]
    case 'finalize':
      return asked.csr === null ? [['csr', 'cannot be read']] : csrFields(asked.csr)
    case 'revocation':
      return [
        ['reason', asked.reason === null ? null : String(asked.reason)],
        ['serial', asked.serial],
        ['names', asked.names && listed(asked.names.map(({ value }) => value))],
      ]
    case 'keyChange':
      return [['new key', asked.thumbprint]]
  }
}

function csrFields({ names, commonNames, key, signature, mustStaple, faults }: CertificateRequest): Field[] {
  const size = key.size === null ? null : `${key.size} bits`
  return [
    ['csr names', listed(names.map(({ value }) => value))],
    ['common name', commonNames.length === 0 ? null : listed(commonNames)],
    ['key', [key.type, key.curve ?? size].filter((part) => part !== null).join(' ')],
    ['signed with', signature.algorithm],
    ['must-staple', mustStaple ? 'yes' : null],
    ...faults.map((fault): Field => ['fault', fault]),
  ]
}

function listed(names: readonly string[]): string {
  const more = names.length - SHOWN
  return names.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
