/**
 * The kinds of values a configuration can hold, each with its own refusal in plain words. They are written in
 * the file as people write them (`60s`) and held in the program as it needs them (milliseconds).
 */
import { isIP, isIPv4, isIPv6 } from 'node:net'
import { z } from 'zod'

/** A duration in milliseconds. */
export type Milliseconds = number & { readonly __milliseconds?: never }

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/

/** `30s`, `5m`, `250ms` as milliseconds; null when it is not written so. */
export function parseDuration(text: string): Milliseconds | null {
  const parts = DURATION.exec(text)
  if (parts === null) return null
  return Number(parts[1]) * UNITS[parts[2] as keyof typeof UNITS]
}

/** The shortest way to write it: 60000 → `1m`. */
export function formatDuration(duration: Milliseconds): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (duration !== 0 && duration % UNITS[unit] === 0) return `${duration / UNITS[unit]}${unit}`
  }
  return `${duration}ms`
}

/** A duration between two bounds, both written as in the file. */
export function duration(least: string, most: string) {
  const [low, high] = [parseDuration(least)!, parseDuration(most)!]
  return z.codec(z.string(), z.custom<Milliseconds>(Number.isSafeInteger), {
    decode: (text, context) => {
      const value = parseDuration(text)
      if (value !== null && value >= low && value <= high) return value
      const message =
        value === null
          ? 'is not a duration: a number with one of the units ms, s, m, h, d'
          : `must be between ${least} and ${most}`
      context.issues.push({ code: 'custom', input: text, message })
      return z.NEVER
    },
    encode: formatDuration,
  })
}

/** A path, which the loader makes absolute from the configuration file's folder. */
export const path = () =>
  z
    .string()
    .min(1, 'must name a file')
    .regex(/^[^\0]*$/, 'holds a NUL byte')
    .meta({ isPath: true })

export const port = (least: 0 | 1) =>
  z
    .int('must be a whole number')
    .min(least, `must be ${least} to 65535`)
    .max(65535, `must be ${least} to 65535`)

export const ipAddress = () =>
  z.string().refine((text) => isIP(text) !== 0, 'must be an IP address (0.0.0.0 or :: for every interface)')

export function isNetwork(text: string): boolean {
  const slash = text.indexOf('/')
  const [address, prefix] = [text.slice(0, slash), text.slice(slash + 1)]
  if (slash < 0 || !/^\d{1,3}$/.test(prefix)) return false
  return (isIPv4(address) && Number(prefix) <= 32) || (isIPv6(address) && Number(prefix) <= 128)
}

export const network = () =>
  z.string().refine(isNetwork, 'must be a network as address/bits, like 10.0.0.0/8')

const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/

/** A name in lower case of LDH labels (RFC 1123 §2.1), at most 253 characters, not one that looks like an address. */
export function isDnsName(text: string): boolean {
  const labels = text.split('.')
  return text.length <= 253 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1)!)
}

export const nameOrAddress = () =>
  z
    .string()
    .refine(
      (text) => isDnsName(text) || isIP(text) !== 0,
      'must be a DNS name in lower case or an IP address',
    )

/** What a client sends as Host (RFC 9110 §7.2): a name or address, with the port where it is not 443. */
export function splitHost(host: string): { readonly name: string; readonly port: number | null } | null {
  const parts = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::([1-9]\d{0,4}))?$/.exec(host)
  if (parts === null) return null
  const bracketed = parts[1]!.startsWith('[')
  const name = bracketed ? parts[1]!.slice(1, -1) : parts[1]!
  if (!(bracketed ? isIPv6(name) : isDnsName(name) || isIPv4(name))) return null
  const number = parts[2] === undefined ? null : Number(parts[2])
  return number !== null && number > 65535 ? null : { name, port: number }
}

export const host = () =>
  z
    .string()
    .refine(
      (text) => splitHost(text) !== null,
      'must be what clients send as Host: a name in lower case or an address, then :port where it is not 443',
    )

/** Why a text cannot be a CA's directory URL; null when it can. */
export function directoryFault(text: string): string | null {
  if (!URL.canParse(text)) return 'is not a URL'
  const url = new URL(text)
  if (url.protocol !== 'https:') return 'must begin with https://'
  if (url.username !== '' || url.password !== '') return 'must not carry a user name or password'
  if (url.hash !== '') return 'must not have a fragment'
  if (url.href !== text) return 'is not in its plain form (lower-case host, no :443, a path)'
  return null
}

const directoryUrl = z.string().superRefine((text, context) => {
  const message = directoryFault(text)
  if (message !== null) context.addIssue({ code: 'custom', message })
})

/** One URL or a list of them in the file; always a list in the program. */
export const directories = () =>
  z
    .codec(
      z.union([directoryUrl, z.array(directoryUrl).min(1, 'must hold at least one URL')]),
      z.array(z.string()),
      {
        decode: (written) => (typeof written === 'string' ? [written] : written),
        encode: (urls) => (urls.length === 1 ? urls[0]! : urls),
      },
    )
    .superRefine((urls, context) => {
      if (new Set(urls).size < urls.length) {
        context.addIssue({ code: 'custom', message: 'names the same directory twice' })
      }
      if (new Set(urls.filter((url) => URL.canParse(url)).map((url) => new URL(url).origin)).size > 1) {
        context.addIssue({
          code: 'custom',
          message: 'has directories of different hosts; give each host its own entry under cas',
        })
      }
    })
