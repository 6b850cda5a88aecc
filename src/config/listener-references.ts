/** What holds for the certificates of listeners. As references.ts, it looks at the value before the schema does. */
import type { Complaint } from './config-error.ts'
import { closest } from './keys.ts'
import { isMapping, type Mapping, mapping } from './written.ts'

/** `certificates`: as written under engine. */
export function checkListenerCertificates(
  listeners: Readonly<Record<string, unknown>>,
  certificates: unknown,
): Complaint[] {
  const names = (Array.isArray(certificates) ? certificates : []).flatMap((entry) => {
    const { name } = mapping(entry)
    return typeof name === 'string' ? [name] : []
  })
  return ['acme', 'proxy', 'admin'].flatMap((listener) => {
    const certificate = mapping(listeners[listener]).certificate
    return isMapping(certificate) ? checkCertificate(listener, certificate, names) : []
  })
}

function checkCertificate(
  listener: string,
  { chain, key, managed }: Mapping,
  names: readonly string[],
): Complaint[] {
  const path = ['listeners', listener, 'certificate']
  if (managed === undefined) {
    if (chain !== undefined && key !== undefined) return []
    const missing = chain !== undefined ? 'key' : 'chain'
    const message = chain === undefined && key === undefined ? 'says no certificate' : `has no ${missing}`
    return [
      { path, at: 'key', message, instead: 'Write chain and key, or managed with the name of a managed one' },
    ]
  }
  const found: Complaint[] = []
  for (const [name, value] of Object.entries({ chain, key })) {
    if (value === undefined) continue
    const message = 'and managed exclude each other'
    found.push({ path: [...path, name], at: 'key', message, instead: 'Keep one of them' })
  }
  if (typeof managed === 'string' && !names.includes(managed)) {
    const near = closest(managed, names)
    const known =
      names.length === 0
        ? 'There are none yet: add one under engine.certificates'
        : `Known: ${names.slice(0, 10).join(', ')}`
    found.push({
      path: [...path, 'managed'],
      at: 'value',
      message: 'names a certificate that is not under engine.certificates',
      instead: near === undefined ? known : `Did you mean ${near}?`,
    })
  }
  return found
}
