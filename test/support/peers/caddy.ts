import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { startDaemon } from '../../../src/cli/demo/child.ts'
import { type AcmeClient, clientCommand, type Surroundings, type Wish } from './client.ts'
import { certificateIn, watch } from './daemon-client.ts'
import { unpackedProgram } from './unpacked.ts'

/** Its configuration: one name to keep a certificate for. With `again` every certificate is due at once. */
function settings({ folder, directory, listens, eab }: Surroundings, { name, method }: Wish, again: boolean) {
  const challenges = {
    bind_host: listens?.address,
    http: { disabled: method !== 'http-01', alternate_port: listens?.httpPort },
    'tls-alpn': { disabled: method !== 'tls-alpn-01', alternate_port: listens?.tlsPort },
  }
  const external = eab === undefined ? {} : { external_account: { key_id: eab.kid, mac_key: eab.mac } }
  const policy = {
    subjects: [name],
    issuers: [{ module: 'acme', ca: directory, email: 'operator@example.test', challenges, ...external }],
    ...(again ? { renewal_window_ratio: 1 } : {}),
  }
  return {
    admin: { disabled: true },
    storage: { module: 'file_system', root: path.join(folder, 'storage') },
    apps: { tls: { certificates: { automate: [name] }, automation: { policies: [policy] } } },
  }
}

async function run(surroundings: Surroundings, wish: Wish, again: boolean) {
  const { folder } = surroundings
  const config = path.join(folder, 'caddy.json')
  await writeFile(config, JSON.stringify(settings(surroundings, wish, again)))
  const certificate = () => certificateIn(caddy.certificate(surroundings, wish))
  const before = await certificate()
  const command = clientCommand(
    (await unpackedProgram('caddy')) ?? 'caddy',
    ['run', '--config', config],
    surroundings,
    {
      SSL_CERT_FILE: surroundings.trust,
      XDG_DATA_HOME: folder,
      XDG_CONFIG_HOME: folder,
    },
  )
  const daemon = startDaemon(command.program, command.args, { environment: command.environment, folder })
  return watch(daemon, certificate, before, /"msg":"will retry"/)
}

export const caddy: AcmeClient = {
  name: 'caddy',
  methods: ['http-01', 'tls-alpn-01'],
  userAgent: /CertMagic/,
  survivesBadNonce: true,
  knowsEab: true,
  ownHttpServer: true,
  missing: async () => ((await unpackedProgram('caddy')) === null ? 'caddy is not installed' : null),
  issue: (surroundings, wish) => run(surroundings, wish, false),
  renew: (surroundings, wish) => run(surroundings, wish, true),
  certificate({ folder, directory }, { name }) {
    const { host, pathname } = new URL(directory)
    // The issuer's name as a folder: host, port and path, parted by hyphens.
    const issuer = `${host}${pathname}`.replace(/[:/]/g, '-')
    return path.join(folder, 'storage', 'certificates', issuer, name, `${name}.crt`)
  },
}
