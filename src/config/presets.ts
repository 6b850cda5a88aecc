/**
 * What is known of the public and self-hosted CAs people use. A preset fills in a CA's directory; what the file
 * writes wins. Whether relay can work is always probed; `relay` only says what to expect and what to advise.
 */
/**
 * Endpoints that CAs limit separately by the address a request comes from. `objects` stands for accounts, orders,
 * authorizations, challenges, finalize and certificates together.
 */
export const PACED = [
  'directory',
  'newNonce',
  'newAccount',
  'newOrder',
  'revokeCert',
  'renewalInfo',
  'objects',
] as const
export type Paced = (typeof PACED)[number]

/** Requests a second from one address, and how many at once. */
export interface Rate {
  readonly rate: number
  readonly burst: number
}
export type Pacing = Readonly<Partial<Record<Paced, Rate>>>

export interface Preset {
  readonly title: string
  /** Empty where every installation has its own. All share one origin. */
  readonly directories: readonly string[]
  /** `works`: builds URLs from Host. `refused-by-design`: one shared front end under its own name. `probe`: not known. */
  readonly relay: 'works' | 'refused-by-design' | 'probe'
  /** For a person, when relay was refused or is not known to work. */
  readonly advice: string
  /** What else a person who sets it up should know. */
  readonly note: string
  /** What the CA publishes of its limits by address. Empty where it publishes nothing. */
  readonly pacing: Pacing
}

/** Let's Encrypt's load balancer, per source address (its rate-limits page of 2026-08-05). */
const LETS_ENCRYPT: Pacing = {
  directory: { rate: 40, burst: 40 },
  newNonce: { rate: 20, burst: 10 },
  newAccount: { rate: 5, burst: 15 },
  newOrder: { rate: 300, burst: 200 },
  revokeCert: { rate: 10, burst: 100 },
  renewalInfo: { rate: 1000, burst: 100 },
  objects: { rate: 250, burst: 125 },
}

const LETS_ENCRYPT_STAGING: Pacing = {
  ...LETS_ENCRYPT,
  newOrder: { rate: 20, burst: 40 },
  objects: { rate: 20, burst: 20 },
}

const PUBLIC =
  'This CA names its own host in its directory and routes by it, so relay cannot work. Let clients call it directly; relay is for CAs you run yourself (Boulder, Pebble, step-ca).'

export const PRESETS = {
  letsencrypt: {
    title: "Let's Encrypt",
    directories: ['https://acme-v02.api.letsencrypt.org/directory'],
    relay: 'refused-by-design',
    advice: PUBLIC,
    note: 'Production rate limits apply; try things out on letsencrypt-staging.',
    pacing: LETS_ENCRYPT,
  },
  'letsencrypt-staging': {
    title: "Let's Encrypt staging",
    directories: ['https://acme-staging-v02.api.letsencrypt.org/directory'],
    relay: 'refused-by-design',
    advice: PUBLIC,
    note: 'Its certificates are not trusted by browsers.',
    pacing: LETS_ENCRYPT_STAGING,
  },
  zerossl: {
    title: 'ZeroSSL',
    directories: ['https://acme.zerossl.com/v2/DV90'],
    relay: 'refused-by-design',
    advice: PUBLIC,
    note: 'Accounts need an external account binding (RFC 8555 §7.3.4).',
    pacing: {},
  },
  google: {
    title: 'Google Trust Services',
    directories: ['https://dv.acme-v02.api.pki.goog/directory'],
    relay: 'refused-by-design',
    advice: PUBLIC,
    note: 'Accounts need an external account binding (RFC 8555 §7.3.4).',
    pacing: {},
  },
  sectigo: {
    title: 'Sectigo',
    directories: [
      'https://acme.sectigo.com/v2/DV',
      'https://acme.sectigo.com/v2/OV',
      'https://acme.sectigo.com/v2/EV',
    ],
    relay: 'probe',
    advice: PUBLIC,
    note: 'Accounts need an external account binding. Some contracts have a host of their own: write it as directory.',
    pacing: {},
  },
  digicert: {
    title: 'DigiCert',
    directories: ['https://acme.digicert.com/v2/acme/directory/'],
    relay: 'probe',
    advice: PUBLIC,
    note: 'Accounts need an external account binding. Some contracts have a directory of their own: write it as directory.',
    pacing: {},
  },
  'ssl.com': {
    title: 'SSL.com',
    directories: ['https://acme.ssl.com/sslcom-dv-rsa', 'https://acme.ssl.com/sslcom-dv-ecc'],
    relay: 'probe',
    advice: PUBLIC,
    note: 'Accounts need an external account binding. RSA and ECDSA certificates have separate directories.',
    pacing: {},
  },
  'step-ca': {
    title: 'step-ca',
    directories: [],
    relay: 'works',
    advice:
      'step-ca builds its URLs from Host. If its answer names another host, a proxy in front of it rewrites Host: let it pass Host unchanged.',
    note: 'Write one directory per ACME provisioner: https://<host>/acme/<provisioner>/directory. Set trust to its root.',
    pacing: {},
  },
  pebble: {
    title: 'Pebble',
    directories: ['https://localhost:14000/dir'],
    relay: 'works',
    advice:
      'Pebble builds its URLs from Host. If its answer names another host, something in front of it rewrites Host.',
    note: "A CA for tests. Set trust to the root that signed Pebble's own TLS certificate.",
    pacing: {},
  },
} as const satisfies Record<string, Preset>

export type PresetName = keyof typeof PRESETS
export const PRESET_NAMES = Object.keys(PRESETS) as [PresetName, ...PresetName[]]

export function presetOf(name: PresetName | undefined): Preset | undefined {
  return name === undefined ? undefined : PRESETS[name]
}

/** The configuration's text as a value, with the directories of presets where an entry writes none. */
export function withPresets(written: unknown): unknown {
  if (!isMapping(written) || !isMapping(written.cas)) return written
  const cas: Record<string, unknown> = {}
  for (const [name, entry] of Object.entries(written.cas)) {
    cas[name] = isMapping(entry) ? withDirectory(entry) : entry
  }
  return { ...written, cas }
}

function withDirectory(entry: Record<string, unknown>): Record<string, unknown> {
  const preset =
    typeof entry.preset === 'string' && Object.hasOwn(PRESETS, entry.preset) ? entry.preset : undefined
  const known = presetOf(preset as PresetName | undefined)?.directories ?? []
  return entry.directory !== undefined || known.length === 0 ? entry : { directory: [...known], ...entry }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
