import { parseLinks } from '../acme/link-headers.ts'
import { readOrders } from '../acme/response-objects.ts'
import type { Signer } from './account-key.ts'
import type { AcmeSession } from './acme-session.ts'
import { resolved, targetOf } from './ca-url.ts'

/** Pages that are read. CAs list 10 to 100 orders on each. */
const MOST_PAGES = 50

/**
 * URLs of an account's orders (RFC 8555 §7.1.2.1), page by page as they are asked for. `url`: of the list. Ends after
 * {@link MOST_PAGES} pages, and where a page leads to one that was read.
 */
export async function* ordersList(
  session: AcmeSession,
  signer: Signer,
  url: string,
  signal: AbortSignal,
): AsyncGenerator<string, void, void> {
  const read = new Set<string>()
  let next: string | undefined = url
  while (next !== undefined && !read.has(next) && read.size < MOST_PAGES) {
    const page: string = next
    read.add(page)
    const { json, fields } = await session.post(page, '', signer, { signal })
    for (const order of readOrders(json)) {
      targetOf(order, session.destination, 'an order')
      yield order
    }
    const links = parseLinks(fields.filter(([name]) => name === 'link').map(([, value]) => value))
    const uri = links.find(({ rel }) => rel.includes('next'))?.uri
    next = uri === undefined ? undefined : resolved(uri, page, session.destination, 'the next orders')
  }
}
