import type { Page, PageClient } from '../proxy/intercept-options.ts'

/** What the pages are made of. Nothing in it is secret. */
export interface PageSources {
  /** PEM of what clients must trust. */
  rootsPem(): string
  /** `host:port`, of one client. */
  refusedHosts(client: string | null): readonly string[]
}

const TEXT = 'text/plain; charset=utf-8'

/** What listener `proxy` itself serves, for setting clients up. */
export function pagesOf(sources: PageSources) {
  return (path: string, { address }: PageClient): Page | null => {
    switch (path) {
      case '/root.pem':
        return page('application/x-pem-file', sources.rootsPem())
      case '/refused-hosts':
        return page(TEXT, lines(sources.refusedHosts(address)))
      case '/':
        return page(TEXT, lines(INDEX))
      default:
        return null
    }
  }
}

const INDEX = [
  'This is acmetap, a proxy for ACME clients: set HTTPS_PROXY to this address.',
  '',
  '/root.pem       the root to trust',
  '/refused-hosts  hosts this client asked for and was refused',
]

function page(contentType: string, body: string): Page {
  return { status: 200, contentType, body }
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('')
}
