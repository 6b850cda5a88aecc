import type { Config } from '../../config/schema.ts'

/**
 * The configured CA that a URL from a client's files belongs to: its directory, a host it is relayed under, or another
 * URL of the origin that no other CA shares. Null where there is none.
 */
export function caOfUrl({ cas, relay }: Pick<Config, 'cas' | 'relay'>, url: string): string | null {
  if (!URL.canParse(url)) return null
  const { host, origin, href } = new URL(url)
  const entries = Object.entries(cas)
  const named = entries.find(([, { directory }]) => directory.some((one) => new URL(one).href === href))
  if (named !== undefined) return named[0]
  const relayed = relay.find((one) => one.host === host)
  if (relayed !== undefined) return relayed.ca
  const own = entries.filter(([, { directory }]) => directory.some((one) => new URL(one).origin === origin))
  return own.length === 1 ? own[0]![0] : null
}
