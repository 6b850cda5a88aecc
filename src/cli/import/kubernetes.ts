import { isJsonObject, member, stringMember, urlMember } from '../../acme/members.ts'
import type { Config } from '../../config/schema.ts'
import type { Findings } from './findings.ts'

const MAX_CERTIFICATE = 1024 * 1024

/**
 * What `kubectl get … -o json` prints: a List, or one object. Of secrets of type kubernetes.io/tls `tls.crt` alone is
 * decoded. The CA is told by cert-manager's annotations: the ACME server of the Issuer or ClusterIssuer they name,
 * where that is in the list too, or a CA that the configuration calls by the issuer's name.
 */
export function readKubernetes(value: unknown, from: string, cas: Config['cas'], findings: Findings): void {
  const kind = stringMember(value, 'kind') ?? ''
  const items = member(value, 'items')
  const objects = kind.endsWith('List') && Array.isArray(items) ? (items as unknown[]) : [value]
  if (!objects.some((one) => isJsonObject(one) && 'kind' in one)) {
    findings.report(
      `${from}: skipped: JSON, but no Kubernetes objects; expected: kubectl get secrets -o json`,
    )
    return
  }
  const servers = new Map(
    objects.map((one) => [issuerKey(one), urlMember(member(member(one, 'spec'), 'acme'), 'server')]),
  )
  for (const secret of objects) {
    if (stringMember(secret, 'kind') !== 'Secret' || stringMember(secret, 'type') !== 'kubernetes.io/tls')
      continue
    const metadata = member(secret, 'metadata')
    const place = `${stringMember(metadata, 'namespace') ?? 'default'}/${stringMember(metadata, 'name') ?? '?'}`
    const base64 = stringMember(member(secret, 'data'), 'tls.crt', MAX_CERTIFICATE * 2)
    if (base64 === null || base64 === '') {
      findings.report(`${place}: kubernetes certificate left out: no tls.crt of at most 1 MiB in it`)
      continue
    }
    const annotations = member(metadata, 'annotations')
    const issuer = stringMember(annotations, 'cert-manager.io/issuer-name')
    const issuerKind = stringMember(annotations, 'cert-manager.io/issuer-kind') ?? 'Issuer'
    const namespace = issuerKind === 'ClusterIssuer' ? '' : stringMember(metadata, 'namespace')
    findings.addNeeded(Buffer.from(base64, 'base64'), {
      path: place,
      format: 'kubernetes',
      authority: servers.get(`${issuerKind}/${namespace ?? ''}/${issuer ?? ''}`) ?? null,
      ca: issuer !== null && Object.hasOwn(cas, issuer) ? issuer : null,
    })
  }
}

function issuerKey(value: unknown): string {
  const metadata = member(value, 'metadata')
  const kind = stringMember(value, 'kind') ?? ''
  const namespace = kind === 'ClusterIssuer' ? '' : (stringMember(metadata, 'namespace') ?? '')
  return `${kind}/${namespace}/${stringMember(metadata, 'name') ?? ''}`
}
