import type { Subject } from '../alert.ts'
import type { CurrentCertificate } from '../look.ts'
import type { Millis, Occurrence } from '../rule.ts'
import type { RuleName, Severity } from '../rule-names.ts'

const MAX_KEY = 400
const MAX_NAMES = 100

/** What is wrong by how things stand: what a rule leaves out is null, empty, or of the whole rule. */
export interface Standing {
  readonly rule: RuleName
  readonly key: string
  readonly severity: Severity
  readonly at: Millis
  readonly title: string
  readonly cause: string
  readonly remedy: string
  readonly fixer: Occurrence['fixer']
  readonly group?: string
  readonly about?: Partial<Subject>
  readonly said?: string | null
  readonly evidence?: Partial<Occurrence['evidence']>
}

/** It holds until a look no longer finds it. */
export function standing({ about, evidence, said, group, key, ...rest }: Standing): Occurrence {
  const names = about?.names ?? []
  return {
    ...rest,
    key: key.slice(0, MAX_KEY),
    group: (group ?? '').slice(0, MAX_KEY),
    said: said ?? null,
    subject: {
      ca: null,
      account: null,
      client: null,
      clientText: null,
      label: null,
      details: {},
      ...about,
      names: names.slice(0, MAX_NAMES),
      nameCount: about?.nameCount ?? names.length,
    },
    evidence: { exchange: null, order: null, certificate: null, ...evidence },
    until: null,
    isNotice: false,
  }
}

/** Whom an alert about a certificate is about. `details` says more than which certificate it is. */
export function aboutCertificate(
  certificate: CurrentCertificate,
  details: Readonly<Record<string, string>>,
): Pick<Standing, 'about' | 'evidence'> {
  const { ca, names, account, client, clientText, label, serial, fingerprint, order } = certificate
  return {
    about: { ca, names: [...names], account, client, clientText, label, details: { serial, ...details } },
    evidence: { order, certificate: fingerprint },
  }
}

/** `www.example.com`, or `www.example.com +3`. */
export function namesText(names: readonly string[]): string {
  const [first = 'a certificate without names', ...others] = names
  return others.length === 0 ? first : `${first} +${others.length}`
}
