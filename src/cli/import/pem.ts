import type { TreeFormat } from './certificate-tree.ts'

/** Files that hold certificates by their name, and those that hold keys. */
export const CERTIFICATE_FILE = /\.(?:pem|crt|cer|cert|der)(?:\.(?:rsa|ecdsa|dsa))?$/i
const KEY_FILE = /(?:^|[._-])(?:priv)?key[._-]?\d*\.pem$|\bprivate[._-]?key\b/i

/** Any folder: every other file that is named as a certificate, in PEM or DER. */
export const pemCertificates: TreeFormat = async (tree) => {
  for (const folder of tree.folders.values()) {
    for (const [name, file] of [...folder.files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!CERTIFICATE_FILE.test(name) || KEY_FILE.test(name) || tree.isClaimed(file)) continue
      await tree.look(file, { path: file, format: 'pem' })
    }
  }
}
