import { randomBytes } from 'node:crypto'
import { createServer } from 'node:https'
import { makeServerCertificate } from '../../src/cli/demo/test-certificates.ts'
import { addAddress } from '../support/namespace.ts'

const ADDRESS = '10.99.0.1'
export const AUTHZ_CA = 'authz.ca.test'

export interface AuthzCa {
  /** Of this CA, as acmetap's configuration has it. */
  readonly configuration: Readonly<Record<string, unknown>>
  /** PEM; a file beside the configuration, `authz-ca.pem`. */
  readonly root: string
  /** Bodies of the POSTs that came. */
  readonly posts: readonly Buffer[]
  close(): Promise<void>
}

/**
 * As much of a CA as authorizes names before there is an order (RFC 8555 §7.4.1): no CA that can be installed does. It
 * checks no signatures. Only inside a namespace.
 */
export async function startAuthzCa(): Promise<AuthzCa> {
  addAddress(ADDRESS)
  const tls = await makeServerCertificate([AUTHZ_CA], [])
  const posts: Buffer[] = []
  const server = createServer({ cert: tls.certificate, key: tls.key }, (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts)
      if (request.method === 'POST') posts.push(body)
      const at = `https://${request.headers.host}`
      const say = (status: number, body: unknown, location?: string): void => {
        response.writeHead(status, {
          'Content-Type': 'application/json',
          'Replay-Nonce': randomBytes(16).toString('base64url'),
          ...(location === undefined ? {} : { Location: location }),
        })
        response.end(request.method === 'HEAD' ? undefined : JSON.stringify(body))
      }
      switch (request.url) {
        case '/dir': {
          const resources = ['newNonce', 'newAccount', 'newOrder', 'newAuthz', 'revokeCert', 'keyChange']
          return say(200, Object.fromEntries(resources.map((each) => [each, `${at}/${each}`])))
        }
        case '/newAccount':
          return say(201, { status: 'valid' }, `${at}/account/${posts.length}`)
        case '/newAuthz': {
          const { payload } = JSON.parse(body.toString()) as { payload: string }
          const { identifier } = JSON.parse(Buffer.from(payload, 'base64url').toString())
          const challenges = [
            { type: 'dns-01', url: `${at}/challenge/1`, status: 'pending', token: 'dG9rZW4' },
          ]
          const { length } = posts
          return say(201, { status: 'pending', identifier, challenges }, `${at}/authorization/${length}`)
        }
        default:
          return say(200, {})
      }
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(443, ADDRESS, resolve)
  })
  return {
    configuration: {
      directory: `https://${AUTHZ_CA}/dir`,
      trust: './authz-ca.pem',
      addresses: [ADDRESS],
    },
    root: tls.root,
    posts,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
