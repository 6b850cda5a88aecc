import { getDomain, getPublicSuffix, parse } from 'tldts'

/** The private part of the Public Suffix List too, as public CAs count: `me.github.io` is somebody's own domain. */
const OPTIONS = { allowPrivateDomains: true, extractHostname: false, validateHostname: false } as const

/** `example.co.uk` of `www.example.co.uk`; null of a public suffix, a single label or an address. */
export function registrableDomain(value: string): string | null {
  return getDomain(value, OPTIONS)
}

/** `co.uk` of `www.example.co.uk`; the last label where no list has it; null of an address. */
export function publicSuffix(value: string): string | null {
  return getPublicSuffix(value, OPTIONS)
}

/** Whether a name ends in a suffix that the Public Suffix List has, so that the Internet may know it. */
export function isListedSuffix(value: string): boolean {
  const { isIcann, isPrivate } = parse(value, OPTIONS)
  return isIcann === true || isPrivate === true
}
