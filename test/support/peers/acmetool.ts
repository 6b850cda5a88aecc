import { mkdir, realpath, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { runClient, type Surroundings, type WholeClient, type Wish } from './client.ts'
import { unpackedProgram } from './unpacked.ts'

const state = ({ folder }: Surroundings): string => path.join(folder, 'acmetool')

/** Its state folder: one target, and answers to what it would ask a person. */
async function configure(surroundings: Surroundings, { name }: Wish): Promise<void> {
  const file = (...names: string[]): string => path.join(state(surroundings), ...names)
  for (const folder of ['conf', 'desired']) await mkdir(file(folder), { recursive: true })
  const request = {
    provider: surroundings.directory,
    challenge: {
      'webroot-paths': [path.join(surroundings.webroot, '.well-known', 'acme-challenge')],
      // It would look for the answer on port 80.
      'http-self-test': false,
    },
  }
  const answers = {
    'acme-enter-email': 'operator@example.test',
    'acme-agreement:data:text/plain,Do%20what%20thou%20wilt': true,
  }
  await writeFile(file('conf', 'target'), JSON.stringify({ request }))
  await writeFile(file('conf', 'responses'), JSON.stringify(answers))
  await writeFile(file('desired', name), JSON.stringify({ satisfy: { names: [name] } }))
}

async function run(surroundings: Surroundings, ...args: string[]) {
  return runClient(
    (await unpackedProgram('acmetool')) ?? 'acmetool',
    ['--state', state(surroundings), '--hooks', path.join(surroundings.folder, 'hooks'), '--batch', ...args],
    surroundings,
    { SSL_CERT_FILE: surroundings.trust },
  )
}

async function issue(surroundings: Surroundings, wish: Wish) {
  await configure(surroundings, wish)
  return run(surroundings, 'reconcile')
}

/** No setting makes a certificate due early: the one it has is taken away, its account and keys stay. */
async function renew(surroundings: Surroundings, wish: Wish) {
  for (const name of ['certs', 'live'])
    await rm(path.join(state(surroundings), name), { recursive: true, force: true })
  return issue(surroundings, wish)
}

export const acmetool: WholeClient = {
  name: 'acmetool',
  methods: ['http-01'],
  userAgent: /^acmetool/,
  survivesBadNonce: true,
  missing: async () => ((await unpackedProgram('acmetool')) === null ? 'acmetool is not installed' : null),
  issue,
  renew,
  async revoke(surroundings, wish) {
    // It knows a certificate by its id, which is the name of its folder.
    const folder = await realpath(path.dirname(acmetool.certificate(surroundings, wish)))
    const marked = await run(surroundings, 'revoke', path.basename(folder))
    return marked.code === 0 ? run(surroundings, 'reconcile') : marked
  },
  certificate: (surroundings, { name }) => path.join(state(surroundings), 'live', name, 'cert'),
}
