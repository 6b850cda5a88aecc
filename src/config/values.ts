/**
 * The kinds of values a configuration can hold, each with its own refusal in plain words. They are written in
 * the file as people write them (`60s`) and held in the program as it needs them (milliseconds).
 */
import { isIP, isIPv4, isIPv6 } from 'node:net'
import { z } from 'zod'
import { OTHER_HOST_PRESET_NAMES } from './other-host-presets.ts'

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
  if (url.hostname.endsWith('.')) return 'must not have a dot after the host name'
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

/** Text that is shown nowhere: `config show` writes `[secret]`. */
export const secret = () => z.string().min(1, 'is empty').meta({ isSecret: true })

/** The proxy on the way out: scheme, host and port, nothing else. */
export const proxyUrl = () =>
  z.string().superRefine((text, context) => {
    const message = proxyUrlFault(text)
    if (message !== null) context.addIssue({ code: 'custom', message })
  })

function proxyUrlFault(text: string): string | null {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    return 'must be http://host:port or https://host:port'
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') {
    return 'must not carry a user name or password; write them as username and password_file'
  }
  return url.pathname === '/' && url.search === '' && url.hash === '' && !text.endsWith('/')
    ? null
    : 'must end after the port'
}

/** A name, `*.name` for every name below it, or a network. */
export const hostPattern = () =>
  z
    .string()
    .refine(
      (text) =>
        isNetwork(text) || isIP(text) !== 0 || isDnsName(text.startsWith('*.') ? text.slice(2) : text),
      'must be a name in lower case, *.name or a network as address/bits',
    )

/** Address of a DNS server, with its port where that is not 53. */
export const resolver = () =>
  z.string().refine((text) => {
    const parts = splitHost(text)
    return isIP(text) !== 0 || (parts !== null && isIP(parts.name) !== 0)
  }, 'must be the IP address of a DNS server, with :port where it is not 53')

/** What may be reached beside CAs: a name or address with an optional port, `*.name`, or the name of a preset. */
export const otherHost = () =>
  z.string().superRefine((text, context) => {
    if ((OTHER_HOST_PRESET_NAMES as readonly string[]).includes(text)) return
    if (splitHost(text.startsWith('*.') ? text.slice(2) : text) !== null) return
    context.addIssue({
      code: 'custom',
      message: `must be a name in lower case, name:port, *.name or one of ${OTHER_HOST_PRESET_NAMES.join(', ')}`,
    })
  })

export const syslogUrl = () =>
  z.string().refine((text) => {
    const parts = /^(udp|tcp|tls):\/\/(.+)$/.exec(text)
    return parts !== null && (splitHost(parts[2]!)?.port ?? null) !== null
  }, 'must be udp://host:port, tcp://host:port or tls://host:port')

/** A number of bytes. */
export type Bytes = number & { readonly __bytes?: never }

const SIZES = { B: 1, KiB: 1 << 10, MiB: 1 << 20, GiB: 1 << 30 } as const
const SIZE = /^(\d{1,9})(B|KiB|MiB|GiB)$/

function parseByteSize(text: string): Bytes | null {
  const parts = SIZE.exec(text)
  return parts === null ? null : Number(parts[1]) * SIZES[parts[2] as keyof typeof SIZES]
}

function formatByteSize(bytes: Bytes): string {
  for (const unit of ['GiB', 'MiB', 'KiB'] as const) {
    if (bytes !== 0 && bytes % SIZES[unit] === 0) return `${bytes / SIZES[unit]}${unit}`
  }
  return `${bytes}B`
}

/** A number of bytes between two bounds, both written as in the file. */
export function byteSize(least: string, most: string) {
  const [low, high] = [parseByteSize(least)!, parseByteSize(most)!]
  return z.codec(z.string(), z.custom<Bytes>(Number.isSafeInteger), {
    decode: (text, context) => {
      const value = parseByteSize(text)
      if (value !== null && value >= low && value <= high) return value
      const message =
        value === null
          ? 'is not a size: a number with one of the units B, KiB, MiB, GiB'
          : `must be between ${least} and ${most}`
      context.issues.push({ code: 'custom', input: text, message })
      return z.NEVER
    },
    encode: formatByteSize,
  })
}

/** Of a service. It is shown as it is: what is secret has keys of its own. */
export function httpUrl() {
  return z
    .string()
    .refine(
      (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
      'must be a URL with https:// or http://',
    )
    .refine(
      (text) => !URL.canParse(text) || (new URL(text).username === '' && new URL(text).password === ''),
      'must not carry a user name or password',
    )
}
