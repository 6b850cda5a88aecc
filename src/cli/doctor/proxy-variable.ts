import { isIP } from 'node:net'

export type Variables = Readonly<Record<string, string | undefined>>

/** What the clients read: curl and Python prefer the lower case, Go the upper; both should say the same. */
export function proxyVariable(
  variables: Variables,
): { readonly name: string; readonly value: string } | null {
  for (const name of ['https_proxy', 'HTTPS_PROXY']) {
    const value = variables[name]
    if (value !== undefined && value !== '') return { name, value }
  }
  return null
}

/** A proxy variable's value as URL; null when it is none of http:// or https://. */
export function parseProxyUrl(value: string): URL | null {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) return null
  const url = new URL(value)
  return url.hostname === '' ? null : url
}

export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port)
  return url.protocol === 'https:' ? 443 : 80
}

/** The entry of NO_PROXY that keeps this host from the proxy, or null. */
export function excludedBy(host: string, variables: Variables): string | null {
  const entries = `${variables.no_proxy ?? ''},${variables.NO_PROXY ?? ''}`
    .split(',')
    .map((one) => one.trim())
  for (const entry of entries) {
    if (entry === '') continue
    const name = entry
      .replace(/:\d+$/, '')
      .replace(/^\*?\./, '')
      .toLowerCase()
    if (entry === '*' || host === name) return entry
    if (isIP(host) === 0 && host.endsWith(`.${name}`)) return entry
  }
  return null
}
