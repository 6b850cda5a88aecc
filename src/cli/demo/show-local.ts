import { X509Certificate } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { withBackend } from '../backend.ts'
import { CliError } from '../cli-error.ts'
import type { CommandContext } from '../command-context.ts'
import { renderFailures } from '../failures/render-failures.ts'
import { renderTimeline } from '../timeline.ts'
import { runCertbot } from './certbot.ts'
import { needProgram } from './child.ts'
import { type LocalWorld, startLocalWorld } from './local-world.ts'

const GOOD = 'shop.demo.test'
const BAD = 'www.example.com'

/** The demo where no test CA is installed: acmetap is the ACME server, and a local CA signs. */
export async function showLocal(
  context: CommandContext,
  stayUp: ((world: LocalWorld) => Promise<void>) | null,
  signal: AbortSignal,
): Promise<void> {
  const { terminal } = context
  const { bold, dim } = terminal.colors
  const say = (text = ''): void => terminal.write(`${text}\n`)

  await needProgram('certbot')
  say(bold('Pebble is not installed: starting acmetap as an ACME server, with a CA of its own'))
  const world = await startLocalWorld(await context.application())
  try {
    signal.throwIfAborted()
    say(`  its directory           ${world.server}`)
    say(`  what the label may have .demo.test`)

    say(`\n${bold(`1  certbot asks for ${GOOD}`)}`)
    const { code, output } = await certbot(world, orderOf(GOOD), signal)
    if (code !== 0) throw new CliError(`certbot did not get the certificate for ${GOOD}:\n${output}`)
    const leaf = await readFile(path.join(certbotFolder(world), 'config', 'live', GOOD, 'cert.pem'))
    const certificate = new X509Certificate(leaf)
    say(`  issued: serial ${certificate.serialNumber}, by ${certificate.issuer}`)

    say(`\n${bold(`2  certbot asks for ${BAD}, which the label may not have`)}`)
    const refused = await certbot(world, orderOf(BAD), signal)
    if (refused.code === 0)
      throw new CliError(`${BAD} should have been refused, but certbot says:\n${refused.output}`)
    const words = refused.output.split('\n').find((line) => line.includes('urn:ietf:params:acme:error:'))
    // certbot 2.1 on Python 3.11 fails over the problem that it should show.
    say(`  certbot: ${words?.trim() ?? 'an error, whose reason its log has; the record below has it too'}`)

    say(`\n${bold(`3  certbot revokes the certificate for ${GOOD}`)}`)
    const revoked = await certbot(
      world,
      ['revoke', '--cert-name', GOOD, '--reason', 'superseded', '--no-delete-after-revoke'],
      signal,
    )
    if (revoked.code !== 0) throw new CliError(`certbot did not revoke it:\n${revoked.output}`)
    const list = Buffer.from(await (await fetch(world.list, { signal })).arrayBuffer())
    const listed = list.includes(Buffer.from(certificate.serialNumber, 'hex'))
    if (!listed) throw new CliError(`${world.list} does not hold the serial ${certificate.serialNumber}`)
    say(`  its serial is in the revocation list: ${world.list}`)

    say(`\n${bold('What the record tells')}\n`)
    const { exchanges, failures } = await withBackend(
      world.loaded.config,
      context.application,
      async ({ operations }) => ({
        exchanges: await operations.exchanges({ after: 0 }, 1000),
        failures: (await operations.inventory.failures({ limit: 10 })).items,
      }),
    )
    terminal.write(renderTimeline(exchanges, terminal))
    say(`\n${bold(`Why ${BAD} got no certificate: acmetap failures ${BAD}`)}\n`)
    terminal.write(renderFailures(terminal, failures, false))
    await stayUp?.(world)
  } finally {
    await world.end()
  }
  say(dim('\nEverything has been stopped and removed.'))
}

/** Nobody listens where certbot would answer a challenge: what the label may have needs no proof. */
function orderOf(name: string): string[] {
  return [
    'certonly',
    ...['--standalone', '--http-01-port', '0', '--domain', name],
    ...['--register-unsafely-without-email', '--agree-tos'],
  ]
}

function certbotFolder({ folder }: LocalWorld): string {
  return path.join(folder, 'certbot')
}

async function certbot(world: LocalWorld, words: readonly string[], signal: AbortSignal) {
  const folder = certbotFolder(world)
  await mkdir(folder, { recursive: true })
  const { server, trust } = world
  const finished = await runCertbot({ folder, server, trust, arguments: words, signal })
  signal.throwIfAborted()
  return finished
}
