import path from 'node:path'
import { MAX_URL_LENGTH } from '../../acme/members.ts'
import type { TreeFormat } from './certificate-tree.ts'

/**
 * acme.sh: a folder `<name>` or `<name>_ecc` with `<name>.conf` (shell assignments, Le_API among them), `fullchain.cer`,
 * `<name>.cer` and `ca.cer`.
 */
export const acmeShCertificates: TreeFormat = async (tree) => {
  for (const folder of tree.folders.values()) {
    const name = path.basename(folder.path).replace(/_ecc$/, '')
    const configuration = folder.has(`${name}.conf`) ? await folder.text(`${name}.conf`) : null
    if (configuration === null || !/^Le_Domain=/m.test(configuration)) continue
    const chain = ['fullchain.cer', `${name}.cer`].find((one) => folder.has(one))
    for (const one of ['fullchain.cer', `${name}.cer`, 'ca.cer']) tree.claim(folder.file(one))
    // An issuance that never came to its end has a configuration and no certificate.
    if (chain === undefined) continue
    const file = folder.file(chain)
    await tree.take(file, { path: file, format: 'acme.sh', authority: serverOf(configuration) })
  }
}

/** The last assignment counts, as in a shell. Nothing else is read: the file may hold credentials. */
function serverOf(configuration: string): string | null {
  const assigned = [...configuration.matchAll(/^Le_API=(['"]?)([^'"\r\n]*)\1[ \t]*\r?$/gm)].at(-1)?.[2] ?? ''
  const packed = /^__ACME_BASE64__START_([A-Za-z0-9+/=]+)__ACME_BASE64__END_$/.exec(assigned)?.[1]
  const url = packed === undefined ? assigned : Buffer.from(packed, 'base64').toString('utf8').trim()
  return url === '' || url.length > MAX_URL_LENGTH ? null : url
}
