import { publicSuffix, registrableDomain } from '../names/domains.ts'
import type { NameSet } from '../names/name-set.ts'
import type { Networks } from '../names/networks.ts'
import type { PolicyName } from '../names/policy-name.ts'
import { listed, ofName, type Part, type Slots } from './condition.ts'

/**
 * How a set of hosts is compared with a condition. What allows must `cover` all of them; what denies or warns need only
 * `touch` one. Each `not` above the condition turns the one into the other.
 */
export type Reach = 'cover' | 'touch'

export function names(slots: Slots, written: readonly string[], set: NameSet, reach: Reach): Part {
  const text = `names: ${listed(written)}`
  return reach === 'cover'
    ? ofName(slots, text, (name) => name.type === 'dns' && set.covers(name))
    : ofName(slots, text, (name) => name.type === 'dns' && set.touches(name))
}

/** RFC 9444: a subtree holds hosts and wildcards alike, so it touches both and is covered by neither. */
export function wildcard(slots: Slots, wanted: boolean, reach: Reach): Part {
  return ofName(slots, `wildcard: ${wanted}`, ({ covers }) =>
    covers === 'subtree' ? reach === 'touch' : (covers === 'wildcard') === wanted,
  )
}

export function registeredDomain(
  slots: Slots,
  written: readonly string[],
  values: readonly string[],
  reach: Reach,
): Part {
  return ofDomain(slots, `registered_domain: ${listed(written)}`, values, reach, registrableDomain)
}

export function inPublicSuffix(
  slots: Slots,
  written: readonly string[],
  values: readonly string[],
  reach: Reach,
): Part {
  return ofDomain(slots, `public_suffix: ${listed(written)}`, values, reach, publicSuffix)
}

/** `*.co.uk` has hosts of every domain registered there: it touches each and is covered by none. */
function ofDomain(
  slots: Slots,
  text: string,
  values: readonly string[],
  reach: Reach,
  domainOf: (value: string) => string | null,
): Part {
  const domains = new Set(values.map((value) => value.toLowerCase()))
  const below = new Set([...domains].map((domain) => domain.slice(domain.indexOf('.') + 1)))
  const above = new Set([...domains].flatMap(parentsOf))
  return ofName(slots, text, ({ type, value, covers }) => {
    if (type !== 'dns') return false
    if (reach === 'cover') {
      if (covers !== 'host' && registrableDomain(value) === null) return false
      return domains.has(domainOf(value) ?? '')
    }
    if (domains.has(domainOf(value) ?? '')) return true
    if (covers === 'host') return false
    return covers === 'subtree' ? above.has(value) : below.has(value)
  })
}

function parentsOf(domain: string): readonly string[] {
  const labels = domain.split('.')
  return labels.slice(1).map((_, i) => labels.slice(i + 1).join('.'))
}

export function addresses(slots: Slots, written: readonly string[], networks: Networks): Part {
  return ofName(slots, `ip: ${listed(written)}`, ({ type, value }) => type === 'ip' && networks.has(value))
}

export function identifierType(slots: Slots, types: readonly PolicyName['type'][]): Part {
  return ofName(slots, `identifier_type: ${listed(types)}`, ({ type }) => types.includes(type))
}
