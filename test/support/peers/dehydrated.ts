import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type AcmeClient, baseName, HOOK, needs, runClient, type Surroundings, type Wish } from './client.ts'

async function run(surroundings: Surroundings, wish: Wish, ...args: string[]) {
  const config = path.join(surroundings.folder, 'config')
  const settings = {
    CA: surroundings.directory,
    BASEDIR: surroundings.folder,
    WELLKNOWN: path.join(surroundings.webroot, '.well-known', 'acme-challenge'),
    CHALLENGETYPE: wish.method,
    HOOK,
  }
  const text = Object.entries(settings).map(([name, value]) => `${name}='${value}'\n`)
  await writeFile(config, text.join(''))
  return runClient('dehydrated', ['--config', config, ...args], surroundings, {
    CURL_CA_BUNDLE: surroundings.trust,
    HOOK_METHOD: wish.method,
  })
}

export const dehydrated: AcmeClient = {
  name: 'dehydrated',
  survivesBadNonce: false,
  missing: () => needs('dehydrated', 'curl', 'openssl'),
  async issue(surroundings, wish) {
    const registered = await run(surroundings, wish, '--register', '--accept-terms')
    if (registered.code !== 0) return registered
    return run(surroundings, wish, '--cron', '--domain', wish.name, '--alias', baseName(wish))
  },
  renew: (surroundings, wish) =>
    run(surroundings, wish, '--cron', '--force', '--domain', wish.name, '--alias', baseName(wish)),
  revoke: (surroundings, wish) =>
    run(surroundings, wish, '--revoke', dehydrated.certificate(surroundings, wish)),
  certificate: (surroundings, wish) => path.join(surroundings.folder, 'certs', baseName(wish), 'cert.pem'),
}
