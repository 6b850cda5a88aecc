import type { Identifier } from '../acme/identifier.ts'
import { identifierOfCommonName } from '../acme/x509-names.ts'
import type { Effect } from '../exchange/decision.ts'
import { isAboutNames } from './asked-where.ts'
import { BUILT_IN } from './built-in.ts'
import { csrFaults } from './csr-faults.ts'
import { isOfAnOrder } from './decided-operations.ts'
import { messageTemplate } from './document/message-template.ts'
import { printableLine } from './document/printable-line.ts'
import type { PolicyFacts } from './facts.ts'
import type { Judged } from './judged.ts'
import { isFault, normalise } from './names/normalise.ts'
import type { MessageValues, Policy } from './policy.ts'
import { askedFor } from './usual-words.ts'

/** What decides beside the rules of the file: see built-in.ts. */
export interface Standing {
  readonly name: string
  readonly effect: Effect
  /** Whether another name of the request may fare otherwise. */
  readonly perName: boolean
  readonly message: (values: MessageValues) => string
}

/** What is judged by itself: one name, or the request where it has none or none that can be told. */
export interface Subject {
  readonly identifier: Identifier | null
  readonly judged: Judged
  readonly fault: Standing | null
}

/** No object of an issuance is for no name at all. */
export function isOrderUnknown({ operation, identifiers }: PolicyFacts): boolean {
  return isOfAnOrder(operation) && (identifiers === undefined || identifiers.length === 0)
}

/** What is wrong with the request as a whole; null for nothing. */
export function requestFault(facts: PolicyFacts): Standing | null {
  if (facts.operation === 'unrecognised') return fault(BUILT_IN.unrecognised, UNRECOGNISED)
  if (isOrderUnknown(facts)) return fault(BUILT_IN.unknownOrder, UNKNOWN_ORDER)
  if (facts.operation !== 'finalize') return null
  const csr = facts.asked?.kind === 'finalize' ? facts.asked.csr : null
  const faults = csrFaults(csr, facts.identifiers)
  return faults.length === 0 ? null : fault(BUILT_IN.csr, faults.join('; '))
}

const UNRECOGNISED =
  "this URL is none that acmetap has learned from the CA; point the client at the CA's directory through acmetap and start a new order"
const UNKNOWN_ORDER =
  'this order was not made through acmetap, so nobody can say for which names it is; start a new order through acmetap'

/** At least one. */
export function subjectsOf(facts: PolicyFacts): readonly Subject[] {
  const { operation, identifiers } = facts
  if (!isAboutNames(operation)) return [{ identifier: null, judged: null, fault: null }]
  if (identifiers === undefined || isOrderUnknown(facts) || operation === 'unrecognised') {
    return [{ identifier: null, judged: 'unreadable', fault: null }]
  }
  if (identifiers.length === 0) return [{ identifier: null, judged: null, fault: null }]
  const { names, isReadable } = beyondOrder(facts, identifiers)
  const subjects = [...identifiers, ...names].map((identifier) => subjectOf(identifier, facts))
  return isReadable ? subjects : [...subjects, { identifier: null, judged: 'unreadable', fault: null }]
}

/**
 * What a CSR asks for that its order does not: a CA that does not compare the two would issue for it, so rules that are
 * enforced judge it too, where `policy:csr` only observes.
 */
function beyondOrder({ operation, asked }: PolicyFacts, identifiers: readonly Identifier[]) {
  if (operation !== 'finalize' || asked?.kind !== 'finalize') return { names: [], isReadable: true }
  const { csr } = asked
  if (csr === null) return { names: [], isReadable: false }
  const ordered = new Set(identifiers.map(textOf))
  const requested = [...csr.names, ...csr.commonNames.map(identifierOfCommonName)]
  const beyond = new Map(requested.map((name) => [textOf(name), name]))
  return {
    names: [...beyond].filter(([text]) => !ordered.has(text)).map(([, name]) => name),
    isReadable: true,
  }
}

/** Names of which each stands for the same host whatever its case. */
function textOf({ type, value }: Identifier): string {
  return `${type}:${value.toLowerCase()}`
}

/** What was issued can be revoked, however odd its names are. */
function subjectOf(identifier: Identifier, { operation, asked }: PolicyFacts): Subject {
  const subdomains = asked?.kind === 'authorization' && asked.subdomains
  const name = normalise(identifier, subdomains ? 'subtree' : undefined)
  if (!isFault(name)) return { identifier, judged: name, fault: null }
  const known = identifier.type === 'dns' || identifier.type === 'ip'
  return {
    identifier,
    judged: 'unreadable',
    fault:
      operation === 'revokeCert'
        ? null
        : fault(known ? BUILT_IN.name : BUILT_IN.identifierType, name.fault, true),
  }
}

function fault(name: string, text: string, perName = false): Standing {
  const message = printableLine(text, LONGEST)
  return { name, effect: 'deny', perName, message: () => message }
}
const LONGEST = 500

/** What no rule decided: in force where the policy is, else it lets pass. */
export function defaultOf({ document }: Policy, inForce: boolean): Standing {
  const { message, mode } = document
  return {
    name: BUILT_IN.default,
    effect: inForce && mode !== 'enforce' ? 'allow' : document.default,
    perName: true,
    message:
      message === null
        ? (values) => `no rule of the policy allows ${askedFor(values)}`
        : (values) => messageTemplate(message)(values),
  }
}
