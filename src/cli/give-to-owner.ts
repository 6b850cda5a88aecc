import { lchownSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Root may work on the data folder of another user, such as the service's. The files that root made in it go to the
 * folder's owner, who could not read them otherwise. Nothing where this process is not root.
 */
export function giveToOwner(folder: string): void {
  if (process.geteuid?.() !== 0) return
  const { uid, gid } = statSync(folder)
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const one = lstatSync(path)
    // A second link would be a way to be given a file from elsewhere.
    if (one.isFile() && one.nlink === 1 && one.uid === 0) lchownSync(path, uid, gid)
  }
}
