import { inside, oidOf, readAll, readOne, SEQUENCE, SET } from './der.ts'
import type { Identifier } from './identifier.ts'
import { type PublicKeyFacts, publicKeyFacts } from './public-key.ts'
import { alternativeNames, commonNameOf, identifierOfCommonName } from './x509-names.ts'

export interface RequestFacts extends PublicKeyFacts {
  /** The common name, then the subjectAltName, each once. */
  readonly names: readonly Identifier[]
}

/** RFC 2985 §5.4.2. */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'

/** What a request for a certificate (RFC 2986, in DER) asks for; null where it can't be read. Never throws. */
export function readCsr(der: Buffer): RequestFacts | null {
  try {
    const [info] = inside(readOne(der), SEQUENCE)
    const [, subject, key, attributes] = inside(info, SEQUENCE)
    const common = commonNameOf(subject)
    const names = new Map<string, Identifier>()
    const asked = attributes?.tag === 0xa0 ? requestedNames(attributes.content) : []
    for (const name of [...(common === null ? [] : [identifierOfCommonName(common)]), ...asked])
      names.set(`${name.type}:${name.value}`, name)
    return { names: [...names.values()], ...publicKeyFacts(key) }
  } catch {
    return null
  }
}

function requestedNames(attributes: Buffer): readonly Identifier[] {
  for (const attribute of readAll(attributes)) {
    const [type, values] = inside(attribute, SEQUENCE)
    if (oidOf(type) !== EXTENSION_REQUEST) continue
    const [extensions] = inside(values, SET)
    return alternativeNames(inside(extensions, SEQUENCE)) ?? []
  }
  return []
}
