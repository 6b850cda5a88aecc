/** Certificates are deployed a hundred times under nginx, which reads key and certificate anew each time. */
import { X509Certificate } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { engine as engineSchema } from '../../src/config/engine.ts'
import { createDeploy } from '../../src/engine/managed/deploy.ts'
import { freePort, listening, startProcess } from '../support/child-process.ts'
import { engineJob } from '../support/engine/engine-values.ts'
import { type Obtained, obtained } from '../support/engine/obtained-certificate.ts'
import { unpackedProgram } from '../support/peers/unpacked.ts'
import { reasonWithoutServer } from '../support/peers/web-servers.ts'
import { makeRoot } from '../support/test-ca/certificates.ts'

const program = (await unpackedProgram('nginx')) ?? 'nginx'
const missing = await reasonWithoutServer('nginx')
const NAME = 'www.example.com'
const issuer = makeRoot()

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deploy-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function deployer(hooks: readonly object[]): (one: Obtained, number: number) => Promise<void> {
  const config = engineSchema.parse({
    certificates: [{ name: NAME, names: [NAME], ca: 'pebble', files: folder, hooks }],
  })
  const deploy = createDeploy({
    config: () => config,
    data: folder,
    service: { send: () => Promise.reject(new Error('no webhook here')) },
    readFile: () => '',
    now: Date.now,
    failPoint: async () => undefined,
  })
  const context = { signal: new AbortController().signal, progress: () => undefined }
  return (one, number) => deploy(engineJob({ id: `j${number}` }), one.kept, one.key, context)
}

/** Fingerprint of what is served. Rejects where the handshake fails. */
function servedBy(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, servername: NAME, ca: issuer.pem }
    const socket = connect(options, () => {
      const { fingerprint256 } = socket.getPeerCertificate()
      socket.destroy()
      resolve(fingerprint256)
    })
    socket.on('error', reject)
  })
}

const fingerprintOf = ({ leaf }: Obtained) => new X509Certificate(leaf).fingerprint256

test.skipIf(missing !== null)(
  'nginx is reloaded by the hook a hundred times, and no client notices',
  { timeout: 180_000 },
  async () => {
    const certificates = Array.from({ length: 10 }, () => obtained({}, issuer))
    const port = await freePort()
    const conf = join(folder, 'nginx.conf')
    const live = join(folder, 'live', NAME)
    await mkdir(join(folder, 'tmp'))
    await writeFile(
      conf,
      `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log notice; worker_processes 1;
events {} http { access_log off;
${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((one) => `${one}_temp_path ${folder}/tmp;`).join(' ')}
server { listen 127.0.0.1:${port} ssl; server_name ${NAME}; return 204;
ssl_certificate ${live}/fullchain.pem; ssl_certificate_key ${live}/privkey.pem; } }`,
    )
    await deployer([])(certificates[0]!, 0)
    const nginx = startProcess(program, ['-c', conf, '-e', join(folder, 'error.log')])
    try {
      await listening(port, nginx)
      const [failures, seen]: [unknown[], Set<string>] = [[], new Set()]
      let isOver = false
      const clients = Array.from({ length: 2 }, async () => {
        while (!isOver) {
          await servedBy(port).then(
            (fingerprint) => seen.add(fingerprint),
            (error: unknown) => failures.push(error),
          )
        }
      })
      const deploy = deployer([
        { exec: [program, '-c', conf, '-e', join(folder, 'error.log'), '-s', 'reload'] },
      ])
      for (let number = 1; number <= 100; number++) await deploy(certificates[number % 10]!, number)
      await deploy(certificates[5]!, 101)
      await expect.poll(() => servedBy(port), { timeout: 90_000 }).toBe(fingerprintOf(certificates[5]!))
      isOver = true
      await Promise.all(clients)
      expect(failures).toEqual([])
      expect(seen.size).toBeGreaterThan(2)
    } finally {
      await nginx.stop()
    }
  },
)
