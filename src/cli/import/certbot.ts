import path from 'node:path'
import type { AccountFolder } from '../accounts/account-folder.ts'
import type { CertificateTree, TreeFormat } from './certificate-tree.ts'
import { newestFirst } from './newest-first.ts'

/**
 * certbot: `archive/<lineage>/fullchain<n>.pem`, of which `live/<lineage>/fullchain.pem` links to the one in use, and
 * `renewal/<lineage>.conf` with the directory it came from.
 */
export const certbotCertificates: TreeFormat = async (tree) => {
  for (const archive of tree.folders.values()) {
    if (path.basename(path.dirname(archive.path)) !== 'archive') continue
    const [base, lineage] = [path.dirname(path.dirname(archive.path)), path.basename(archive.path)]
    const versions = newestFirst(archive, /^fullchain(\d+)\.pem$/)
    if (versions.length === 0) continue
    claimAll(tree, archive, /^(?:cert|chain|privkey)\d+\.pem$/)
    const live = tree.folder(base, 'live', lineage)
    if (live !== undefined) claimAll(tree, live, /^(?:cert|chain|privkey)\.pem$/)
    const current = live?.files.get('fullchain.pem')
    const inUse = versions.find((file) => file === current)
    const ordered = inUse === undefined ? versions : [inUse, ...versions.filter((file) => file !== inUse)]
    const authority = await serverOf(tree.folder(base, 'renewal'), lineage)
    await tree.takeNewest(
      ordered.map((file) => ({
        file,
        origin: {
          path: file === inUse ? path.join(live!.path, 'fullchain.pem') : file,
          format: 'certbot',
          authority,
        },
      })),
    )
  }
  // A copy that followed the links has files in `live` where certbot has links.
  for (const live of tree.folders.values()) {
    if (path.basename(path.dirname(live.path)) !== 'live' || !live.has('fullchain.pem')) continue
    const file = live.file('fullchain.pem')
    const authority = await serverOf(
      tree.folder(path.dirname(path.dirname(live.path)), 'renewal'),
      path.basename(live.path),
    )
    if (tree.isClaimed(file) || authority === null) continue
    claimAll(tree, live, /^(?:cert|chain|privkey)\.pem$/)
    await tree.take(file, { path: file, format: 'certbot', authority })
  }
}

function claimAll(tree: CertificateTree, folder: AccountFolder, names: RegExp): void {
  for (const [name, file] of folder.files) if (names.test(name)) tree.claim(file)
}

/** The last assignment counts. Nothing else of the file is looked at. */
async function serverOf(renewal: AccountFolder | undefined, lineage: string): Promise<string | null> {
  const text = (await renewal?.text(`${lineage}.conf`)) ?? ''
  return [...text.matchAll(/^server[ \t]*=[ \t]*(\S{1,2048})[ \t]*\r?$/gm)].at(-1)?.[1] ?? null
}
