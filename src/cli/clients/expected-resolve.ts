import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { addressOf, type ExpectedHost } from './expected-hosts.ts'

const AT_ONCE = 16

/** Adds what this machine's resolver says of each name. A name without an address is told and stays in the list. */
export async function resolveAddresses(
  expected: readonly ExpectedHost[],
): Promise<{ readonly expected: readonly ExpectedHost[]; readonly problems: readonly string[] }> {
  const resolved: ExpectedHost[] = []
  let without = 0
  for (let at = 0; at < expected.length; at += AT_ONCE) {
    const some = await Promise.all(expected.slice(at, at + AT_ONCE).map(withAddresses))
    resolved.push(...some)
    without += some.filter(({ addresses }) => addresses.length === 0).length
  }
  const problems =
    without === 0 ? [] : [`${without} of the hosts have no address that this machine's resolver knows`]
  return { expected: resolved, problems }
}

async function withAddresses({ host, addresses }: ExpectedHost): Promise<ExpectedHost> {
  if (isIP(host) !== 0) return { host, addresses }
  const found = await lookup(host, { all: true }).catch(() => [])
  const own = found.map(({ address }) => addressOf(address)).filter((one) => one !== null)
  return { host, addresses: [...new Set([...addresses, ...own])] }
}
