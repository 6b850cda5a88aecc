import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { answerAlpn } from './alpn-responder.ts'
import {
  baseName,
  HOOK,
  needs,
  proxySpeaksTls,
  runClient,
  type Surroundings,
  type WholeClient,
  type Wish,
} from './client.ts'

async function run(surroundings: Surroundings, wish: Wish, ...args: string[]) {
  const config = path.join(surroundings.folder, 'config')
  const settings = {
    CA: surroundings.directory,
    BASEDIR: surroundings.folder,
    WELLKNOWN: path.join(surroundings.webroot, '.well-known', 'acme-challenge'),
    CHALLENGETYPE: wish.method,
    // Of the account's key, in place of 4096: one of those takes seconds to make.
    KEYSIZE: '2048',
    ALPNCERTDIR: alpnFolder(surroundings),
    HOOK,
    ...(surroundings.eab === undefined
      ? {}
      : { EAB_KID: surroundings.eab.kid, EAB_HMAC_KEY: surroundings.eab.mac }),
  }
  const text = Object.entries(settings).map(([name, value]) => `${name}='${value}'\n`)
  await writeFile(config, text.join(''))
  return runClient(
    'dehydrated',
    ['--config', config, ...args],
    surroundings,
    { CURL_CA_BUNDLE: surroundings.trust, HOOK_METHOD: wish.method },
    // curl looks for the proxy's own root in the system's store and nowhere else.
    { trustsSystemStore: proxySpeaksTls(surroundings) },
  )
}

const alpnFolder = (surroundings: Surroundings): string => path.join(surroundings.folder, 'alpn')

/** Sign, with a TLS server that shows the certificates it makes for tls-alpn-01: it has no server of its own. */
async function sign(surroundings: Surroundings, wish: Wish, ...args: string[]) {
  const cron = () =>
    run(surroundings, wish, '--cron', ...args, '--domain', wish.name, '--alias', baseName(wish))
  if (wish.method !== 'tls-alpn-01' || surroundings.listens === undefined) return cron()
  const { address, tlsPort } = surroundings.listens
  await mkdir(alpnFolder(surroundings), { recursive: true })
  const responder = await answerAlpn(alpnFolder(surroundings), address, tlsPort)
  return cron().finally(() => responder.close())
}

export const dehydrated: WholeClient = {
  name: 'dehydrated',
  methods: ['http-01', 'dns-01', 'tls-alpn-01'],
  userAgent: /^dehydrated/,
  survivesBadNonce: false,
  knowsEab: true,
  missing: () => needs('dehydrated', 'curl', 'openssl'),
  async issue(surroundings, wish) {
    const registered = await run(surroundings, wish, '--register', '--accept-terms')
    if (registered.code !== 0) return registered
    return sign(surroundings, wish)
  },
  renew: (surroundings, wish) => sign(surroundings, wish, '--force'),
  revoke: (surroundings, wish) =>
    run(surroundings, wish, '--revoke', dehydrated.certificate(surroundings, wish)),
  deactivate: (surroundings, wish) => run(surroundings, wish, '--deactivate'),
  certificate: (surroundings, wish) => path.join(surroundings.folder, 'certs', baseName(wish), 'cert.pem'),
}
