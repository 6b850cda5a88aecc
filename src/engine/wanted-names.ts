import type { Identifier } from '../acme/identifier.ts'
import { isFault, normalise } from '../policy/names/normalise.ts'
import { EngineError } from './engine-error.ts'

/** As many as any public CA takes. */
const MOST = 100

/**
 * The names as they are sent: lower case, addresses as RFC 5952 has them, each once. Throws EngineError (`input`) for a
 * faulty one, for none and for too many.
 */
export function namesOnce(identifiers: readonly Identifier[]): readonly Identifier[] {
  const found = new Map<string, Identifier>()
  for (const identifier of identifiers) {
    const name = normalise(identifier)
    if (isFault(name)) throw new EngineError('input', name.fault)
    const value = name.covers === 'wildcard' ? `*.${name.value}` : name.value
    found.set(value, { type: name.type, value })
  }
  if (found.size === 0) throw new EngineError('input', 'no name is given: a certificate is for at least one')
  if (found.size > MOST)
    throw new EngineError(
      'input',
      `${found.size} names are given; a certificate can hold ${MOST}: make several`,
    )
  return [...found.values()]
}

/** {@link namesOnce}; throws too for a name that a wildcard beside it stands for already: Let's Encrypt refuses that. */
export function wantedNames(identifiers: readonly Identifier[]): readonly Identifier[] {
  const wanted = namesOnce(identifiers)
  const values = new Set(wanted.map(({ value }) => value))
  for (const { type, value } of wanted) {
    const wildcard = `*${value.slice(value.indexOf('.'))}`
    if (type !== 'dns' || value === wildcard || !value.includes('.') || !values.has(wildcard)) continue
    throw new EngineError('input', `${wildcard} stands for ${value} too: leave one of them out`, {
      name: value,
    })
  }
  return wanted
}

/** Whether two lists name the same, in whatever order and case. */
export function sameNames(one: readonly Identifier[], other: readonly Identifier[]): boolean {
  return namesText(one) === namesText(other)
}

/** Sorted and each once, for comparing and for people. */
export function namesText(identifiers: readonly Identifier[]): string {
  return [...new Set(identifiers.map(canonical))].sort().join(', ')
}

/** A CA may spell an IPv6 address in its own way; what cannot be read stays as it is, and is then no other's equal. */
function canonical({ type, value }: Identifier): string {
  const name = normalise({ type, value })
  if (isFault(name)) return `${type}:${value}`
  return name.covers === 'wildcard' ? `*.${name.value}` : name.value
}
