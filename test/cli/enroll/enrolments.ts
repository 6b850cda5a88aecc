import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client, EnrolMode, Enrolment } from '../../../src/cli/enroll/client.ts'
import { ENROL_MODES } from '../../../src/cli/enroll/client.ts'
import { enrolmentOf } from '../../../src/cli/enroll/surroundings.ts'
import { createAuthority } from '../../../src/interception/authority.ts'

export const DIRECTORY = 'https://acme-ca.test/directory'
export const RELAYED = 'https://acmetap.test:8443/directory'

export const BROKERED = 'https://acmetap.test:8443/fleet/directory'
export const EAB = 'u2Vq8cJw1mYt5sKfLr0ZbA'

export async function testRoot(): Promise<string> {
  const { certificate } = await createAuthority({
    commonName: 'acmetap test root',
    permitted: { dns: ['acme-ca.test'], ips: [] },
    now: new Date(),
    lifetimeDays: 2,
  })
  return certificate
}

/** An enrolment as the options alone make it; relay adds what only a configuration says. */
export async function enrolment(mode: EnrolMode, proxy: string, root: string): Promise<Enrolment> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-enrol-'))
  try {
    await writeFile(join(folder, 'root.pem'), root)
    const options = { mode: 'intercept' as const, proxy, ca: DIRECTORY, root: 'root.pem' }
    const made = await enrolmentOf(options, null, folder)
    const relayed = mode === 'relay' ? [RELAYED] : mode === 'broker' ? [BROKERED] : []
    return { ...made, mode, relayed, eab: mode === 'broker' ? EAB : null }
  } finally {
    await rm(folder, { recursive: true })
  }
}

export function modesOf(client: Client): EnrolMode[] {
  return ENROL_MODES.filter((mode) => client.impossible[mode] === undefined)
}
