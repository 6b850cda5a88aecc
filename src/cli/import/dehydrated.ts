import path from 'node:path'
import type { CertificateTree, TreeFormat } from './certificate-tree.ts'
import { newestFirst } from './newest-first.ts'

/**
 * dehydrated: `certs/<name>/fullchain-<time>.pem`, of which `fullchain.pem` links to the one in use. The CA is told by
 * the account beside it, `accounts/<base64 of the directory's URL>`, where there is only one.
 */
export const dehydratedCertificates: TreeFormat = async (tree) => {
  for (const folder of tree.folders.values()) {
    const versions = newestFirst(folder, /^fullchain-(\d+)\.pem$/)
    if (versions.length === 0) continue
    for (const [name, file] of folder.files) {
      if (/^(?:cert|chain|privkey)(?:-\d+)?\.pem$/.test(name)) tree.claim(file)
    }
    const current = folder.files.get('fullchain.pem')
    const inUse = versions.find((file) => file === current)
    const ordered = inUse === undefined ? versions : [inUse, ...versions.filter((file) => file !== inUse)]
    const authority = serverBeside(tree, path.dirname(path.dirname(folder.path)))
    await tree.takeNewest(
      ordered.map((file) => ({
        file,
        origin: {
          path: file === inUse ? path.join(folder.path, 'fullchain.pem') : file,
          format: 'dehydrated',
          authority,
        },
      })),
    )
  }
}

function serverBeside(tree: CertificateTree, base: string): string | null {
  const accounts = path.join(base, 'accounts')
  const servers = [...tree.folders.keys()]
    .filter((folder) => path.dirname(folder) === accounts)
    .map((folder) => Buffer.from(path.basename(folder), 'base64url').toString('utf8').trim())
    .filter((url) => url.startsWith('https://'))
  return servers.length === 1 ? servers[0]! : null
}
