import type { CertificateRequest } from '../../acme/certificate-request.ts'
import type { RequestedKey } from '../../acme/requested-key.ts'
import type { CsrCondition, KeyCondition } from '../document.ts'
import type { PolicyFacts } from '../facts.ts'
import { isFault, normalise } from '../names/normalise.ts'
import { known, type Truth } from '../truth.ts'
import { meets } from './compared.ts'
import { listed, ofRequest, type Part, type Slots } from './condition.ts'

export function keyParts(
  slots: Slots,
  { type, size, curve, reused, account_key }: KeyCondition,
): readonly Part[] {
  const parts: Part[] = []
  const is = (text: string, test: (key: RequestedKey) => Truth | boolean) =>
    parts.push(ofCsr(slots, `key.${text}`, ({ key }) => test(key)))
  if (type !== undefined)
    is(
      `type: ${listed(type)}`,
      oneOf(type, (key) => key.type),
    )
  if (size !== undefined) {
    is(`size: ${size.text}`, (key) => known(key.size ?? undefined, (bits) => meets(size, bits)))
  }
  if (curve !== undefined)
    is(
      `curve: ${listed(curve)}`,
      oneOf(curve, (key) => key.curve),
    )
  if (reused !== undefined) {
    parts.push(
      ofRequest(slots, 'csr', `key.reused: ${reused}`, (facts) =>
        known(facts.keyUses, (uses) => usedForOthers(uses, facts) === reused),
      ),
    )
  }
  if (account_key !== undefined) {
    parts.push(
      ofRequest(slots, 'csr', `key.account_key: ${account_key}`, ({ accountKey }) =>
        known(accountKey, (is) => is === account_key),
      ),
    )
  }
  return parts
}

export function csrParts(slots: Slots, condition: CsrCondition): readonly Part[] {
  const parts: Part[] = []
  const is = (text: string, test: (csr: CertificateRequest) => boolean) =>
    parts.push(ofCsr(slots, `csr.${text}`, test))
  const { must_staple, extension, common_name, signature, other_names } = condition
  if (must_staple !== undefined) is(`must_staple: ${must_staple}`, (csr) => csr.mustStaple === must_staple)
  if (extension !== undefined) {
    const numbers = new Set(extension.map((name) => EXTENSIONS.get(name) ?? name))
    is(`extension: ${listed(extension)}`, ({ extensions }) =>
      extensions.some((number) => numbers.has(number)),
    )
  }
  if (common_name !== undefined) {
    is(`common_name: ${common_name}`, ({ commonNames }) => commonNames.length > 0 === common_name)
  }
  if (signature !== undefined) {
    is(
      `signature: ${listed(signature)}`,
      oneOf(signature, (csr) => csr.signature.algorithm),
    )
  }
  if (other_names !== undefined) {
    is(`other_names: ${other_names}`, ({ otherNames }) => otherNames.length > 0 === other_names)
  }
  return parts
}

/** RFC 5280 §4.2.1, RFC 7633. */
const EXTENSIONS: ReadonlyMap<string, string> = new Map([
  ['subjectAltName', '2.5.29.17'],
  ['keyUsage', '2.5.29.15'],
  ['extKeyUsage', '2.5.29.37'],
  ['basicConstraints', '2.5.29.19'],
  ['tlsFeature', '1.3.6.1.5.5.7.1.24'],
  ['certificatePolicies', '2.5.29.32'],
])

/** Unknown for a CSR that can't be read. */
function ofCsr(slots: Slots, text: string, test: (csr: CertificateRequest) => Truth | boolean): Part {
  return ofRequest(slots, 'csr', text, ({ asked }) => {
    const csr = asked?.kind === 'finalize' ? asked.csr : null
    return csr === null ? 'unknown' : test(csr)
  })
}

function oneOf<T>(values: readonly string[], of: (value: T) => string | null): (value: T) => boolean {
  const set = new Set(values.map((value) => value.toLowerCase()))
  return (value) => set.has(of(value)?.toLowerCase() ?? '')
}

export function usedForOthers(
  uses: readonly (readonly string[])[],
  { identifiers = [] }: PolicyFacts,
): boolean {
  const own = identifiers.map((identifier) => {
    const name = normalise(identifier)
    if (isFault(name)) return identifier.value.toLowerCase()
    return name.covers === 'wildcard' ? `*.${name.value}` : name.value
  })
  const sorted = [...new Set(own)].toSorted()
  return uses.some((use) => use.length !== sorted.length || use.some((name, i) => name !== sorted[i]))
}
