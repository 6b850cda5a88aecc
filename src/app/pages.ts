import { X509Certificate } from 'node:crypto'
import { splitHost } from '../config/values.ts'
import { doctorScript } from '../interception/doctor-script.ts'
import { pacFile } from '../interception/proxy-auto-config.ts'
import type { Page, PageClient } from '../proxy/intercept-options.ts'
import { PAGES_HOST } from '../proxy/proxy-listener.ts'

/** What the pages are made of. Nothing in it is secret. */
export interface PageSources {
  /** PEM of what clients must trust, the root in use first. */
  rootsPem(): string
  /** The CAs whose connections are taken over. */
  cas(): readonly { readonly name: string; readonly directory: string }[]
  /** `host:port` of the proxy, for a client that does not say under which name it reached it. */
  proxy(): string
  /** `host:port`, of one client. */
  refusedHosts(client: string | null): readonly string[]
}

const TEXT = 'text/plain; charset=utf-8'

/** What listener `proxy` itself serves, for setting clients up. */
export function pagesOf(sources: PageSources) {
  return (path: string, { address, authority }: PageClient): Page | null => {
    const proxy = reachedAs(authority) ?? sources.proxy()
    const cas = sources.cas()
    switch (path) {
      case '/root.pem':
        return page('application/x-pem-file', sources.rootsPem())
      case '/doctor.sh':
        return page(
          'text/x-shellscript; charset=utf-8',
          doctorScript({ proxy, cas, fingerprint: fingerprintOf(sources.rootsPem()) }),
        )
      case '/proxy.pac': {
        const hosts = cas.map(({ directory }) => new URL(directory).hostname)
        return page('application/x-ns-proxy-autoconfig', pacFile({ proxy, hosts }))
      }
      case '/refused-hosts':
        return page(TEXT, lines(sources.refusedHosts(address)))
      case '/':
        return page(TEXT, lines(INDEX))
      default:
        return null
    }
  }
}

/** A `Host` goes into a script only where it is a plain name or address with a port. */
function reachedAs(authority: string | null): string | null {
  const parts = authority === null ? null : splitHost(authority)
  return parts === null || parts.port === null || parts.name === PAGES_HOST ? null : authority
}

function fingerprintOf(pem: string): string {
  return pem === '' ? '' : new X509Certificate(pem).fingerprint256
}

const INDEX = [
  'This is acmetap, a proxy for ACME clients: set HTTPS_PROXY to this address.',
  '',
  '/root.pem       the root to trust',
  '/doctor.sh      checks a client: curl -fsS http://.../doctor.sh | sh',
  '/proxy.pac      proxy auto-configuration',
  '/refused-hosts  hosts this client asked for and was refused',
]

function page(contentType: string, body: string): Page {
  return { status: 200, contentType, body }
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('')
}
