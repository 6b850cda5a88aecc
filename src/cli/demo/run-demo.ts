import { X509Certificate } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { alertColumns } from '../alerts/list.ts'
import { withBackend } from '../backend.ts'
import { CliError } from '../cli-error.ts'
import type { CommandContext } from '../command-context.ts'
import { renderFailures } from '../failures/render-failures.ts'
import { renderTable } from '../render.ts'
import { renderTimeline } from '../timeline.ts'
import { runCertbot } from './certbot.ts'
import { findProgram, ProgramMissing } from './child.ts'
import type { LocalWorld } from './local-world.ts'
import { startWorld, type Way, type World } from './world.ts'

const GOOD = 'shop.demo.test'
const BAD = 'blog.demo.test'
const PROXIED = 'mail.demo.test'

/** `acmetap demo`: the whole way from a client to a CA on one machine, and what the record then tells. */
export async function runDemo(context: CommandContext, keep: boolean): Promise<void> {
  const stop = stopOnSignals()
  try {
    if ((await findProgram('pebble')) !== null) await show(context, keep, stop.signal)
    else await showWithoutPebble(context, keep, stop.signal)
  } catch (error) {
    if (stop.signal.aborted) return context.exitWith(130)
    throw error instanceof ProgramMissing ? new CliError(error.message) : error
  } finally {
    stop.release()
  }
}

async function showWithoutPebble(context: CommandContext, keep: boolean, signal: AbortSignal): Promise<void> {
  const { showLocal } = await import('./show-local.ts')
  const say = (text = ''): void => context.terminal.write(`${text}\n`)
  const stay = async ({ loaded, trust, server }: LocalWorld): Promise<void> => {
    const acmetap = sayHowToLookAround(loaded.file, say)
    say(`  ${acmetap} local-ca list`)
    say(`  REQUESTS_CA_BUNDLE=${trust} certbot certonly --server ${server} --standalone -d another.demo.test`)
    await aborted(signal)
  }
  await showLocal(context, keep ? stay : null, signal)
}

function stopOnSignals(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, abort)
  return {
    signal: controller.signal,
    release() {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.removeListener(name, abort)
    },
  }
}

async function show(context: CommandContext, keep: boolean, signal: AbortSignal): Promise<void> {
  const { terminal } = context
  const { bold, dim } = terminal.colors
  const say = (text = ''): void => terminal.write(`${text}\n`)

  say(bold('Starting a test CA (Pebble) and acmetap in front of it'))
  const world = await startWorld(await context.application())
  try {
    signal.throwIfAborted()
    say(`  the CA's directory      ${world.pebble.directory}`)
    say(`  the same, by acmetap    ${world.relay.server}`)
    say(`  acmetap as a proxy      ${world.intercept.proxy}`)

    say(`\n${bold(`1  certbot asks for ${GOOD}`)}`)
    await obtain(world, world.relay, GOOD, [], signal)
    say(`  issued: ${await described(world, GOOD)}`)

    say(`\n${bold(`2  certbot asks for ${BAD}, but writes its answer where no web server looks`)}`)
    for (const line of await fail(world, BAD, signal)) say(`  certbot: ${line}`)

    say(`\n${bold(`3  certbot asks for ${GOOD} once more, though nothing is due`)}`)
    await obtain(world, world.relay, GOOD, ['--force-renewal'], signal)
    say(`  issued again: ${await described(world, GOOD)}`)

    say(`\n${bold(`4  certbot asks the CA itself for ${PROXIED}, with HTTPS_PROXY set`)}`)
    await obtain(world, world.intercept, PROXIED, [], signal)
    say(`  issued: ${await described(world, PROXIED)}`)

    say(`\n${bold('What the record tells')}\n`)
    const { config } = world.loaded
    const { exchanges, failures, alerts } = await withBackend(
      config,
      context.application,
      async ({ operations }) => ({
        exchanges: await operations.exchanges({ after: 0 }, 1000),
        failures: (await operations.inventory.failures({ limit: 10 })).items,
        alerts: (await operations.alerts.alerts({ state: 'firing', limit: 10 })).items,
      }),
    )
    terminal.write(renderTimeline(exchanges, terminal))
    say(`\n${bold(`Why ${BAD} got no certificate: acmetap failures ${BAD}`)}\n`)
    terminal.write(renderFailures(terminal, failures, false))

    say(`\n${bold('What somebody is told, once a channel is configured: acmetap alerts')}\n`)
    terminal.write(renderTable(terminal, alertColumns(terminal, false), alerts))

    if (keep) await stayUp(world, say, signal)
  } finally {
    await world.end()
  }
  say(dim('\nEverything has been stopped and removed.'))
}

async function obtain(
  world: World,
  way: Way,
  name: string,
  more: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { code, output } = await certbot(world, way, name, world.webroot, more, signal)
  signal.throwIfAborted()
  if (code !== 0) throw new CliError(`certbot did not get the certificate for ${name}:\n${output}`)
}

/** Resolves with what certbot says about it. */
async function fail(world: World, name: string, signal: AbortSignal): Promise<string[]> {
  const elsewhere = path.join(world.folder, 'elsewhere')
  await mkdir(elsewhere)
  const { code, output } = await certbot(world, world.relay, name, elsewhere, [], signal)
  signal.throwIfAborted()
  const lines = output.split('\n').filter((line) => /^\s+(Domain|Type|Detail): /.test(line))
  if (code === 0 || lines.length === 0) {
    throw new CliError(`the validation of ${name} should have failed, but certbot says:\n${output}`)
  }
  return lines.map((line) => line.trim())
}

async function certbot(
  world: World,
  way: Way,
  name: string,
  webroot: string,
  more: readonly string[],
  signal: AbortSignal,
) {
  const folder = path.join(world.folder, 'certbot')
  await mkdir(folder, { recursive: true })
  return runCertbot({
    folder,
    ...way,
    arguments: [
      'certonly',
      ...['--webroot', '--webroot-path', webroot, '--domain', name],
      ...['--register-unsafely-without-email', '--agree-tos'],
      ...more,
    ],
    signal,
  })
}

async function described(world: World, name: string): Promise<string> {
  const file = path.join(world.folder, 'certbot', 'config', 'live', name, 'cert.pem')
  const certificate = new X509Certificate(await readFile(file))
  return `serial ${certificate.serialNumber}, by ${certificate.issuer.replace('\n', ', ')}`
}

async function stayUp(world: World, say: (text?: string) => void, signal: AbortSignal): Promise<void> {
  const acmetap = sayHowToLookAround(world.loaded.file, say)
  say(`  ${acmetap} alerts`)
  say(
    `  REQUESTS_CA_BUNDLE=${world.relay.trust} certbot certonly --server ${world.relay.server} ` +
      `--webroot --webroot-path ${world.webroot} -d another.demo.test`,
  )
  say(`  curl --proxy ${world.intercept.proxy} --cacert ${world.intercept.trust} ${world.intercept.server}`)
  await aborted(signal)
}

/** What `acmetap` is here. */
function sayHowToLookAround(file: string | null, say: (text?: string) => void): string {
  // npm runs it from a folder where nothing is installed under that name; npx finds it there.
  const acmetap = process.env.npm_lifecycle_event === undefined ? 'acmetap' : 'npx acmetap'
  say('\nAll stays up until Ctrl-C. In another terminal, in this folder:')
  say(`  export ACMETAP_CONFIG=${file}`)
  say(`  ${acmetap} failures`)
  say(`  ${acmetap} orders show ${GOOD}`)
  say(`  ${acmetap} certificates`)
  say(`  ${acmetap} exchanges`)
  say(`  ${acmetap} tail`)
  return acmetap
}

async function aborted(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
