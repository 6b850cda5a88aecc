import 'reflect-metadata'
import type { X509Certificate } from 'node:crypto'
import { X509Certificate as ParsedCertificate } from '@peculiar/x509'
import { decodePermittedNames, NAME_CONSTRAINTS_OID } from '../../interception/name-constraints.ts'

/** What a root's name constraints permit, DNS names first; clients refuse everything else it might sign. */
export function permittedNames(root: X509Certificate): readonly string[] {
  const constraints = new ParsedCertificate(root.raw).getExtension(NAME_CONSTRAINTS_OID)
  if (constraints === null) return []
  const { dns, ips } = decodePermittedNames(new Uint8Array(constraints.value))
  return [...dns, ...ips]
}
