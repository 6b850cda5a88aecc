import path from 'node:path'
import { member, urlMember } from '../../acme/members.ts'
import type { TreeFormat } from './certificate-tree.ts'

/**
 * Caddy and others on CertMagic: `certificates/<CA>/<name>/` with `<name>.crt`, the whole chain, and `<name>.json`
 * ({ sans, issuer_data: { url, ca } }).
 */
export const caddyCertificates: TreeFormat = async (tree) => {
  for (const folder of tree.folders.values()) {
    const name = path.basename(folder.path)
    if (!folder.has(`${name}.crt`) || !folder.has(`${name}.json`)) continue
    const resource = await folder.object(`${name}.json`, true)
    if (resource === null || !('sans' in resource)) continue
    const issued = member(resource, 'issuer_data')
    const file = folder.file(`${name}.crt`)
    await tree.take(file, {
      path: file,
      format: 'caddy',
      authority: urlMember(issued, 'ca') ?? urlMember(issued, 'url'),
    })
  }
}
