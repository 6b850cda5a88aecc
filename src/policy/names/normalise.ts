import { isIP } from 'node:net'
import type { Identifier } from '../../acme/identifier.ts'
import { addressOf } from './address.ts'
import { asciiText, isNumeric, LONGEST_NAME, labelFault, lowerCased, quoted } from './label.ts'
import type { PolicyName } from './policy-name.ts'

/** One line: what is wrong with the name, and what to write instead. */
export interface NameFault {
  readonly fault: string
}

/**
 * The one place that judges a spelling. A name passes if everybody who may read it takes it for the same host; ASCII
 * letters become lower case, and everything else that is odd is refused, not repaired: what acmetap would repair, a CA
 * might read otherwise.
 *
 * What a CA or an operator may or may not want is no matter of spelling and passes: names of one label, wildcards of a
 * public suffix or of a top-level domain of one's own (`*.local`), `.onion`, `in-addr.arpa`, a hundred labels.
 */
export function normalise(identifier: Identifier, covers?: 'subtree'): PolicyName | NameFault {
  const { type, value } = identifier
  if (type === 'dns') return dnsName(identifier, covers)
  if (type !== 'ip') return { fault: `${quoted(value)} is of type ${quoted(type)}; acmetap knows dns and ip` }
  if (covers === 'subtree') return { fault: `${quoted(value)} is an address: nothing is below it (RFC 9444)` }
  const address = addressOf(value)
  if (typeof address !== 'string') return { fault: `${quoted(value)} ${address.fault}` }
  return { identifier, type: 'ip', value: address, labels: [], covers: 'host' }
}

export function isFault<T extends object>(result: T | NameFault): result is NameFault {
  return 'fault' in result
}

function dnsName(identifier: Identifier, covers: 'subtree' | undefined): PolicyName | NameFault {
  const written = identifier.value
  const fault = (text: string) => ({ fault: `${quoted(written)} ${text}` })
  const whole = lowerCased(written)
  if (whole.length > LONGEST_NAME) return fault(`has ${whole.length} characters; ${LONGEST_NAME} are allowed`)
  const wildcard = whole.startsWith('*.')
  const value = wildcard ? whole.slice(2) : whole
  if (value === '') return fault('is empty')
  if (isIP(value) !== 0) return fault('is an IP address: ask for it with the identifier type ip (RFC 8738)')
  if (value.includes('*'))
    return fault('has a * that is not its whole first label; only *.NAME is a wildcard')
  if (value.startsWith('.')) return fault('begins with a dot: write it without')
  if (value.endsWith('.')) return fault('ends with a dot: write it without')
  const labels = value.split('.').reverse()
  for (const label of labels) {
    const wrong = labelFault(label)
    if (wrong === null) continue
    const instead = asciiText(whole)
    return fault(instead === null ? wrong : `${wrong}: write ${instead}`)
  }
  if (isNumeric(labels[0] ?? '')) return fault(`ends with the number ${labels[0]}, as only addresses do`)
  if (wildcard && covers === 'subtree') return fault('is a wildcard: ask for the name without *. (RFC 9444)')
  return { identifier, type: 'dns', value, labels, covers: covers ?? (wildcard ? 'wildcard' : 'host') }
}
