import path from 'node:path'
import type { TreeFormat } from './certificate-tree.ts'
import { newestFirst } from './newest-first.ts'

/** uacme: `<name>/cert.pem` with the chain, older ones as `cert-<time>.pem`, the key in `private/<name>`. Nothing tells the CA. */
export const uacmeCertificates: TreeFormat = async (tree) => {
  for (const folder of tree.folders.values()) {
    const [base, name] = [path.dirname(folder.path), path.basename(folder.path)]
    const keys = tree.folder(base, 'private', name)
    if (!folder.has('cert.pem') || keys?.has('key.pem') !== true) continue
    const files = [folder.file('cert.pem'), ...newestFirst(folder, /^cert-(\d+)\.pem$/)]
    await tree.takeNewest(files.map((file) => ({ file, origin: { path: file, format: 'uacme' } })))
  }
}
