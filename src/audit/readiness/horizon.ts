import { PRESET_NAMES, PRESETS, type PresetName } from '../../config/presets.ts'

/** A lifetime that certificates will have. */
export interface Horizon {
  /** Days. */
  readonly lifetime: number
  /** From when on, where the CA has said so: `2027-02-10`. */
  readonly from: string | null
  /** Hours for which a valid authorization may be used again. */
  readonly reuse: number
}

/** What is known of a CA that matters here. */
export interface CaKind {
  /** Its own announcement holds, and its limits. */
  readonly letsEncrypt: boolean
  /** Browsers trust it, so their rules bind it. Null where that is not known. */
  readonly isPublic: boolean | null
  readonly horizons: readonly Horizon[]
}

/** Let's Encrypt's announcement of 2025-12-02, for its default profile. */
const LETS_ENCRYPT: readonly Horizon[] = [
  { lifetime: 64, from: '2027-02-10', reuse: 240 },
  { lifetime: 45, from: '2028-02-16', reuse: 7 },
]
/** Staging changes about a month earlier; the day is not announced. Other CAs have announced nothing of the kind. */
const UNDATED = LETS_ENCRYPT.map((horizon) => ({ ...horizon, from: null }))

const OWN: readonly PresetName[] = ['step-ca', 'pebble']

/** By the preset that the configuration names, else by the host of an account's or a directory's URL. */
export function caKind(preset: PresetName | undefined, url: string | null): CaKind {
  const name = preset ?? presetByHost(url)
  const letsEncrypt = name === 'letsencrypt' || name === 'letsencrypt-staging'
  return {
    letsEncrypt,
    isPublic: name === undefined ? null : !OWN.includes(name),
    horizons: name === 'letsencrypt' ? LETS_ENCRYPT : UNDATED,
  }
}

function presetByHost(url: string | null): PresetName | undefined {
  if (url === null || !URL.canParse(url)) return undefined
  const { host } = new URL(url)
  return PRESET_NAMES.find(
    (name) => !OWN.includes(name) && PRESETS[name].directories.some((one) => new URL(one).host === host),
  )
}
