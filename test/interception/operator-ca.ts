/** An operator's own CA, made with OpenSSL as its people would. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './verifiers.ts'

export interface OperatorCa {
  readonly folder: string
  /** PEM. */
  readonly root: string
  /** PEM of what it signed; `extensions` as for an OpenSSL -extfile. */
  sign(request: string, extensions: string, options?: readonly string[]): Promise<string>
  /** An intermediate of its own that signs from then on; PEM. */
  addIntermediate(extensions: string): Promise<string>
  close(): Promise<void>
}

export async function startOperatorCa(name = 'Operator Root'): Promise<OperatorCa> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-operator-'))
  const openssl = async (...args: string[]) => {
    const { code, output } = await run(
      'openssl',
      args.map((arg) => (arg.startsWith('./') ? join(folder, arg) : arg)),
    )
    if (code !== 0) throw new Error(`openssl ${args.join(' ')}: ${output}`)
  }
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const ownKeyUsage = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign']
  // biome-ignore format: one option with its value each
  await openssl('req', '-x509', ...newKey, '-keyout', './root.key', '-out', './root.pem', '-subj', `/CN=${name}`, '-days', '3650', ...ownKeyUsage)
  let signer = 'root'
  let count = 0
  const sign = async (request: string, extensions: string, options: readonly string[] = ['-days', '365']) => {
    count += 1
    await writeFile(join(folder, `${count}.csr`), request)
    await writeFile(join(folder, `${count}.ext`), extensions)
    const files = ['-in', `./${count}.csr`, '-extfile', `./${count}.ext`, '-out', `./${count}.pem`]
    await openssl('x509', '-req', '-CA', `./${signer}.pem`, '-CAkey', `./${signer}.key`, ...files, ...options)
    return await readFile(join(folder, `${count}.pem`), 'utf8')
  }
  return {
    folder,
    root: await readFile(join(folder, 'root.pem'), 'utf8'),
    sign,
    async addIntermediate(extensions) {
      const out = ['-keyout', './intermediate.key', '-out', './intermediate.csr']
      await openssl('req', '-new', ...newKey, ...out, '-subj', '/CN=Operator Intermediate')
      const pem = await sign(await readFile(join(folder, 'intermediate.csr'), 'utf8'), extensions)
      await writeFile(join(folder, 'intermediate.pem'), pem)
      signer = 'intermediate'
      return pem
    },
    close: () => rm(folder, { recursive: true, force: true }),
  }
}
