import { readLeaf } from '../../acme/certificate.ts'
import { MAX_CHAIN_BYTES } from '../../audit/import-certificates.ts'
import { type Chain, certificatesIn, type FileContent, pemOf } from './certificates-in.ts'
import type { FoundCertificate, Origin } from './found-certificate.ts'

const MAX_PROBLEMS = 200

/** What holds for certificates of which the files do not say otherwise. */
export interface Defaults {
  readonly host: string
  readonly unmanaged: boolean
  readonly ca: string | null
  /** The configured CA that a URL of a client's files belongs to. */
  caOfUrl(url: string): string | null
}

/** Gathers what was found: each certificate of each machine once. Bytes it was given are overwritten. */
export class Findings {
  /** Leaf certificates, each as often as it came. */
  seen = 0
  /** Older certificates of a lineage that were left out, and blocks of keys that were passed over. */
  older = 0
  keys = 0
  readonly #defaults: Defaults
  readonly #found = new Map<string, FoundCertificate & { readonly length: number }>()
  readonly #authorities = new Set<string>()
  readonly #problems = new Set<string>()
  #unsaid = 0

  constructor(defaults: Defaults) {
    this.#defaults = defaults
  }

  get found(): readonly FoundCertificate[] {
    return [...this.#found.values()].map(({ length: _, ...one }) => one)
  }

  /** Distinct certificates of CAs that came with no leaf. */
  get authorities(): number {
    return this.#authorities.size
  }

  /** One line each, at most 201. */
  get problems(): readonly string[] {
    return this.#unsaid === 0 ? [...this.#problems] : [...this.#problems, `and ${this.#unsaid} more problems`]
  }

  report = (problem: string): void => {
    if (this.#problems.has(problem)) return
    if (this.#problems.size < MAX_PROBLEMS) this.#problems.add(problem)
    else this.#unsaid += 1
  }

  /** As {@link add}; that there is no certificate in it is a problem. */
  addNeeded(bytes: Buffer, origin: Origin): void {
    const isEmpty = bytes.length === 0
    const { chains, unreadable, authorities, keys } = this.add(bytes, origin)
    if (chains.length > 0 || unreadable > 0) return
    const instead =
      authorities.length > 0
        ? 'certificates of CAs only'
        : keys > 0
          ? 'a private key only'
          : isEmpty
            ? 'nothing'
            : 'no certificate'
    this.report(`${origin.path}: left out: ${instead} in it`)
  }

  /** Takes the leaf certificates with what certifies them; a file without any is none's concern. */
  add(bytes: Buffer, origin: Origin): FileContent {
    const content = certificatesIn(bytes)
    const { chains, authorities, keys, unreadable } = content
    bytes.fill(0)
    this.seen += chains.length
    for (const chain of chains) this.#keep(chain, origin)
    for (const fingerprint of authorities) this.#authorities.add(fingerprint)
    this.keys += keys
    if (unreadable > 0) {
      this.report(
        `${origin.path}: ${unreadable} certificate${unreadable === 1 ? '' : 's'} left out: cut off or damaged`,
      )
    }
    return content
  }

  #keep({ leaf, issuers }: Chain, origin: Origin): void {
    const { path, format, authority = null, host = this.#defaults.host } = origin
    const facts = readLeaf(leaf.raw)
    if (facts === null) {
      this.report(`${path}: left out: a certificate that cannot be read`)
      return
    }
    if (leaf.toString().length > MAX_CHAIN_BYTES) {
      this.report(`${path}: left out: a certificate larger than ${MAX_CHAIN_BYTES >> 10} KiB`)
      return
    }
    const { fingerprint, notAfter, identifiers } = facts
    const key = `${host}\n${fingerprint}`
    const ca =
      origin.ca ?? (authority === null ? null : this.#defaults.caOfUrl(authority)) ?? this.#defaults.ca
    const before = this.#found.get(key)
    // The first place stays; a longer chain or a known CA is taken over from another.
    const longer = before === undefined || issuers.length + 1 > before.length
    this.#found.set(key, {
      pem: longer ? pemOf([leaf, ...issuers]) : before.pem,
      length: longer ? issuers.length + 1 : before.length,
      fingerprint,
      names:
        identifiers.length > 0
          ? identifiers.map(({ value }) => value)
          : [leaf.subject.replaceAll('\n', ', ')],
      notAfter,
      path: before?.path ?? path,
      format: before?.format ?? format,
      ca: before?.ca ?? ca,
      host,
      unmanaged: before?.unmanaged ?? origin.unmanaged ?? this.#defaults.unmanaged,
    })
  }
}
