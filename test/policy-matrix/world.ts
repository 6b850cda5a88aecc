import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { controlSocketPath } from '../../src/api/control-socket.ts'
import { connectControl } from '../../src/cli/control-client.ts'
import { ACMETAP_NAME, startWorld, type World } from '../matrix/world.ts'
import { type RecordView, recordOf } from '../support/record-view.ts'
import { type AuthzCa, startAuthzCa } from './authz-ca.ts'
import { TRUSTED_KEYS } from './external-accounts.ts'

/** Proxy users, and in relay the names under which clients reach acmetap: the labels of clients. */
export const LABELS = {
  usual: { host: ACMETAP_NAME, user: 'web' },
  other: { host: `payments.${ACMETAP_NAME}`, user: 'payments' },
} as const
export type Label = keyof typeof LABELS

export const PASSWORD = 'of-the-matrix'

export interface PolicyWorld extends World {
  readonly record: RecordView
  /** A CA that authorizes before there is an order, which Pebble does not. */
  readonly authzCa: AuthzCa
  /** Of a webhook that allows everything whose first name does not begin with `denied`. */
  readonly webhook: { readonly url: string; asked(): number }
  /** Puts a policy in force by a reload. @throws Error with what is wrong with it. */
  use(policy: string): Promise<void>
}

/** Only inside a namespace. acmetap in relay and intercept before Pebble, which takes every challenge for answered. */
export async function startPolicyWorld(): Promise<PolicyWorld> {
  const authzCa = await startAuthzCa()
  const webhook = await startWebhook()
  const world = await startWorld(['relay', 'intercept'], {
    pebble: {
      alwaysValid: true,
      configuration: { externalAccountBindingRequired: false, externalAccountMACKeys: TRUSTED_KEYS },
    },
    names: [LABELS.other.host, 'authz.acmetap.test'],
    files: {
      'authz-ca.pem': authzCa.root,
      'proxy-password': `${PASSWORD}\n`,
      'policy.yaml': 'version: 1\n',
    },
    configure: (usual) => configured(usual, authzCa),
  })
  const closeEverything = async (): Promise<void> => {
    await world.close()
    webhook.server.close()
    await authzCa.close()
  }
  try {
    const record = await recordOf(world.config)
    const operations = await connectControl(controlSocketPath(path.join(world.folder, 'data')))
    return {
      // Getters of the world stay what they are.
      ...Object.defineProperties({} as World, Object.getOwnPropertyDescriptors(world)),
      record,
      authzCa,
      webhook,
      async use(policy) {
        await writeFile(path.join(world.folder, 'policy.yaml'), policy)
        const report = await operations?.reload()
        if (!report?.ok) throw new Error(`the policy was not taken: ${JSON.stringify(report)}\n${policy}`)
      },
      close: closeEverything,
    }
  } catch (error) {
    await closeEverything()
    throw error
  }
}

function configured(usual: Record<string, unknown>, authzCa: AuthzCa): Record<string, unknown> {
  const { cas, relay, listeners, intercept } = usual as Record<string, Record<string, unknown>>
  const { proxy } = listeners as Record<string, Record<string, unknown>>
  return {
    ...usual,
    policy: './policy.yaml',
    cas: { ...cas, authz: authzCa.configuration },
    listeners: {
      ...listeners,
      proxy: {
        ...proxy,
        users: Object.values(LABELS).map(({ user }) => ({ name: user, password_file: './proxy-password' })),
      },
    },
    relay: [
      ...(relay as unknown as { host: string; ca: string }[]),
      ...[LABELS.other.host].map((host) => ({ host: `${host}:8443`, ca: 'test' })),
      { host: 'authz.acmetap.test:8443', ca: 'authz' },
    ],
    intercept: { ...intercept, cas: ['test', 'authz'] },
  }
}

async function startWebhook(): Promise<{ url: string; asked(): number; server: Server }> {
  let asked = 0
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      asked += 1
      const { identifiers = [] } = JSON.parse(Buffer.concat(parts).toString()) as {
        identifiers?: readonly { value: string }[]
      }
      const allow = !identifiers.some(({ value }) => value.startsWith('denied'))
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify(allow ? { allow } : { allow, reason: 'nobody knows it' }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/`, asked: () => asked, server }
}

/** PEM of the roots that a client of this world may need. */
export async function rootsOf(world: World): Promise<Record<'relay' | 'intercept' | 'pebble', string>> {
  return {
    relay: await readFile(world.trust('relay'), 'utf8'),
    intercept: await readFile(world.trust('intercept'), 'utf8'),
    pebble: await readFile(world.pebble.trust, 'utf8'),
  }
}
