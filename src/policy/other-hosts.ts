import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { OTHER_HOST_PRESET_NAMES, OTHER_HOST_PRESETS } from '../config/other-host-presets.ts'
import type { Config } from '../config/schema.ts'
import { isDnsName, splitHost } from '../config/values.ts'
import type { OtherHost } from '../exchange/exchange.ts'
import type { OtherHostRefusal } from './decide.ts'

type Setting = Config['intercept']['other_hosts']

export interface OtherHosts {
  readonly refusal: OtherHostRefusal
  /** True where the operator listed this very host by its full name or address: then it may be internal. */
  readonly vouched: (target: OtherHost) => boolean
}

/** One host, or every name below it, on one port; null is the port of the form, 443 or 80. */
interface Entry {
  readonly host: string
  readonly below: boolean
  readonly port: number | null
}

/**
 * What clients may reach beside CAs, from `intercept.other_hosts`. A refusal names the host and what to write in the
 * configuration. Names are compared as text; where they lead is judged when they are dialled.
 */
export function otherHosts(setting: Setting): OtherHosts {
  const listed = typeof setting === 'string' ? [] : setting
  const own = listed.filter((text) => !isPreset(text)).map(entryOf)
  const full = own.filter(({ below }) => !below)
  const all = [...own, ...listed.filter(isPreset).flatMap(entriesOf)]
  return {
    refusal(target) {
      if (isIP(target.host) === 0 && !isName(target.host)) {
        return `${quote(target.host)} is neither a DNS name nor an IP address`
      }
      if (all.some((entry) => covers(entry, target))) return null
      if (setting !== 'tunnel' || isIP(target.host) !== 0) return notListed(setting, target)
      return target.port === usualPort(target) ? null : notListed(setting, target)
    },
    vouched: (target) => full.some((entry) => covers(entry, target)),
  }
}

function isPreset(text: string): boolean {
  return PRESETS.has(text)
}

const PRESETS = new Map<string, readonly Entry[]>(
  OTHER_HOST_PRESET_NAMES.map((preset) => [preset, OTHER_HOST_PRESETS[preset].map(entryOf)]),
)

function entriesOf(preset: string): readonly Entry[] {
  return PRESETS.get(preset) ?? []
}

function entryOf(text: string): Entry {
  const below = text.startsWith('*.')
  const name = below ? text.slice(2) : text
  const parts = splitHost(name)
  return { host: canonical(parts?.name ?? name), below, port: parts?.port ?? null }
}

function covers(entry: Entry, target: OtherHost): boolean {
  if (target.port !== (entry.port ?? usualPort(target))) return false
  if (!entry.below) return canonical(target.host) === entry.host
  return isIP(target.host) === 0 && target.host.endsWith(`.${entry.host}`)
}

function usualPort({ form }: OtherHost): number {
  return form === 'connect' ? 443 : 80
}

/** A name whose last label looks like a number is an address to some resolvers: `0x7f000001`, `127.0x1`. */
function isName(host: string): boolean {
  return isDnsName(host) && !/(?:^|\.)0x[0-9a-f]*$/.test(host)
}

function canonical(host: string): string {
  return isIP(host) === 6 ? ipaddr.IPv6.parse(host).toString() : host
}

function notListed(setting: Setting, target: OtherHost): string {
  const { host, port } = target
  const usual = port === usualPort(target)
  const where = usual ? host : `${host}, port ${port},`
  const why =
    setting === 'tunnel'
      ? `${where} can't be reached through acmetap: intercept.other_hosts: tunnel is for names on port ${usualPort(target)}`
      : `${where} is no CA of acmetap's configuration and not among its other hosts`
  const written = isIP(host) === 6 ? `[${host}]` : host
  const entry = usual ? written : `${written}:${port}`
  const more = Array.isArray(setting) && setting.length > 0 ? '..., ' : ''
  const line = `intercept.other_hosts: [${more}${isIP(host) === 6 ? JSON.stringify(entry) : entry}]`
  const preset = OTHER_HOST_PRESET_NAMES.find((name) => entriesOf(name).some((one) => covers(one, target)))
  const also = preset ? `, or the preset that holds it: intercept.other_hosts: [${more}${preset}]` : ''
  return `${why}. If clients need it, write ${line}${also}`
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}
