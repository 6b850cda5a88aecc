import path from 'node:path'
import { urlMember } from '../../acme/members.ts'
import type { TreeFormat } from './certificate-tree.ts'

/**
 * lego: `certificates/<name>.json` ({ domain, certUrl, certStableUrl }), `<name>.crt` with the chain and
 * `<name>.issuer.crt`; what was revoked or renewed away lies in `archives`.
 */
export const legoCertificates: TreeFormat = async (tree) => {
  for (const folder of tree.folders.values()) {
    for (const name of folder.files.keys()) {
      const base = name.replace(/\.json$/, '')
      if (base === name || !folder.has(`${base}.crt`)) continue
      const resource = await folder.object(name, true)
      const authority = urlMember(resource, 'certUrl') ?? urlMember(resource, 'certStableUrl')
      if (authority === null || resource === null || !('domain' in resource)) continue
      tree.claim(folder.file(`${base}.issuer.crt`))
      const file = folder.file(`${base}.crt`)
      await tree.take(file, { path: file, format: 'lego', authority })
      const archives = tree.folder(path.dirname(folder.path), 'archives')
      if (!tree.history) for (const old of archives?.files.values() ?? []) tree.claim(old)
    }
  }
}
