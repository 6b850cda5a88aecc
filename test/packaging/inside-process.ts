/**
 * Runs in a network namespace with nothing but loopback: node inside-process.ts FOLDER MAIN TRACE. Starts a test CA
 * and the image's acmetap with every connect(2) traced into files that begin with TRACE, lets certbot obtain a
 * certificate through it, and prints what came of it as JSON.
 */
import { spawnSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { runCertbot } from '../../src/cli/demo/certbot.ts'
import { startPebble } from '../../src/cli/demo/pebble.ts'
import { serveFolder } from '../../src/cli/demo/web-server.ts'
import { serve } from '../support/serve.ts'

const [folder, main, trace] = process.argv.slice(2) as [string, string, string]

const pebble = await startPebble({ folder: path.join(folder, 'pebble'), nonceReject: 0 })
const webroot = path.join(folder, 'web')
const certbot = path.join(folder, 'certbot')
await mkdir(webroot)
await mkdir(certbot)
const web = await serveFolder(webroot, pebble.httpPort)
// -D: the tracer steps aside, so that signals reach acmetap itself.
const under = ['strace', '-D', '-ff', '-qq', '-e', 'trace=connect,sendto,sendmsg', '-o', trace]
const acmetap = await serve(folder, { pebble: { ...pebble, host: 'localhost' } }, { main, under })
try {
  const issued = await runCertbot({
    folder: certbot,
    trust: await acmetap.trust(),
    server: acmetap.directory('pebble'),
    arguments: [
      'certonly',
      ...['--webroot', '--webroot-path', webroot, '-d', 'inside.test'],
      ...['--register-unsafely-without-email', '--agree-tos'],
    ],
  })
  const health = spawnSync(process.execPath, [path.join(path.dirname(main), '..', 'healthcheck.mjs')], {
    env: { ACMETAP_HEALTH_URL: `http://127.0.0.1:${acmetap.adminPort}/healthz` },
  })
  const exchanges = await acmetap.command('exchanges', 'list', '--json')
  process.stdout.write(
    `${JSON.stringify({ code: issued.code, output: issued.output, health: health.status, exchanges })}\n`,
  )
} finally {
  await acmetap.stop()
  web.close()
  await pebble.stop()
}
