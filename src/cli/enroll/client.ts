/**
 * src/cli/enroll prints what leads one ACME client through acmetap, and back. A client is data: which variable
 * carries the proxy and which the trust, how it is started, what its existing lineages need, what to watch. A
 * format makes text of it. Nothing here touches a machine. Start here, then read one client and `formats/shell.ts`.
 */

export const ENROL_MODES = ['intercept', 'relay', 'sni', 'broker'] as const
export type EnrolMode = (typeof ENROL_MODES)[number]

export const FORMATS = ['shell', 'ansible', 'cloud-init', 'kubernetes'] as const
export type Format = (typeof FORMATS)[number]

export interface Certificate {
  readonly pem: string
  /** SHA-256 of the DER, 64 hex digits in upper case. */
  readonly sha256: string
}

export interface ProxyAddress {
  readonly scheme: 'http' | 'https'
  /** As in a URL: IPv6 in brackets. */
  readonly host: string
  readonly port: number
  /** The proxy user; the password comes from ACMETAP_PROXY_PASSWORD where the lines are run. */
  readonly user: string | null
}

/** What is to be enrolled with what. */
export interface Enrolment {
  readonly mode: EnrolMode
  readonly proxy: ProxyAddress
  /** The CA's own directory URLs. */
  readonly directories: readonly string[]
  /** What the client calls in relay and broker: as many as `directories`, in their order. Empty in other modes. */
  readonly relayed: readonly string[]
  /** Name of the CA under `cas`, or its host; in broker of the endpoint. */
  readonly ca: string
  /** Key id of the EAB key that it registers with; the MAC key is told by `eab create` alone. */
  readonly eab: string | null
  /** The root (or roots, while one follows another) that signs what the client sees instead of the CA's certificate. */
  readonly roots: readonly Certificate[]
  /** What else must be trusted: the listener root, where the proxy URL is https://. */
  readonly proxyRoots: readonly Certificate[]
}

/** Where things are on an enrolled machine. All absolute. */
export interface Places {
  readonly own: string
  readonly root: string
  readonly bundle: string
  readonly env: string
  readonly run: string
}

export function placesOf(client: Pick<Client, 'name'>): Places {
  const own = `/etc/acmetap/clients/${slugOf(client)}`
  return {
    own,
    root: `${own}/root.pem`,
    bundle: `${own}/bundle.pem`,
    env: `${own}/env`,
    run: `${own}/run`,
  }
}

/** The client's name without dots: run-parts and cron pass over files whose name has one. */
export function slugOf({ name }: Pick<Client, 'name'>): string {
  return name.replaceAll('.', '-')
}

/** One change of a file that is not ours. Paths may hold `$HOME`, expanded on the machine. */
export type Step =
  /** A whole file of ours; left out where `folder` (default: its own) is missing and `make` is not set. */
  | { readonly do: 'file'; readonly path: string; readonly text: string; readonly make?: boolean }
  /** Lines between two marks, at the top or the end; left out where the file is missing. */
  | { readonly do: 'block'; readonly path: string; readonly at: 'top' | 'end'; readonly text: string }
  /** sed over files that a pattern finds; `back` undoes it where the client has changed the file since. */
  | {
      readonly do: 'rewrite'
      readonly paths: string
      readonly sed: readonly string[]
      readonly back: readonly string[]
      readonly why: string
    }

/** How much of the trust comes through which door. */
export interface Trust {
  /** Variables that replace the whole pool: they get a bundle of the system's roots and ours. */
  readonly replacing: readonly string[]
  /** Variables that add to the pool: they get our root alone. */
  readonly adding: readonly string[]
  /** The client reads nothing but the system's store. */
  readonly store: boolean
  /** A setting of the client's own names the bundle. */
  readonly bundle?: boolean
}

export interface Container {
  readonly kind: 'Deployment' | 'CronJob'
  readonly namespace: string
  readonly name: string
  readonly container: string
}

export interface Client {
  readonly name: string
  readonly title: string
  /** Why a mode can't work, with what to do instead. A mode that is not here works. */
  readonly impossible: Partial<Readonly<Record<EnrolMode, string>>>
  /** False where it reads no proxy variable: a setting of its own carries the proxy. */
  readonly proxyVariables: boolean
  /** Whether an https:// proxy URL works, and with which trust. */
  readonly httpsProxy: 'bundle' | 'store' | 'no'
  readonly trust: Trust
  /** Services that get the variables by a drop-in. ACMETAP_UNITS overrides them on the machine. */
  readonly units: readonly string[]
  /** Files of cron that start it. */
  readonly crons: readonly string[]
  /** It is a server for other things as well: variables touch the whole process. */
  readonly server: boolean
  readonly steps: (enrolment: Enrolment, places: Places) => readonly Step[]
  /** What a person must know or do, one sentence each. */
  readonly watch: (enrolment: Enrolment, places: Places) => readonly string[]
  /** When it tries again by itself, and where that is known from. */
  readonly schedule: string
  readonly container: Container | null
  /** What prints it where shell lines make no sense. */
  readonly platform: 'posix' | 'kubernetes' | 'windows'
}

/** The client is told another server; in other modes it keeps the CA's. */
export function hasOwnServer({ mode }: Pick<Enrolment, 'mode'>): boolean {
  return mode === 'relay' || mode === 'broker'
}

/** The proxy as URL without credentials. */
export function proxyUrl({ scheme, host, port }: ProxyAddress): string {
  return `${scheme}://${host}:${port}`
}

/** The host of a directory URL as clients resolve it. */
export function hostOf(directory: string): string {
  return new URL(directory).hostname
}

/**
 * What NO_PROXY should hold: this machine itself. Left out is what would keep the CA from the proxy.
 */
export function noProxy({ directories }: Pick<Enrolment, 'directories'>): string {
  const cas = directories.map(hostOf)
  return ['localhost', '127.0.0.1', '::1'].filter((name) => !cas.includes(name)).join(',')
}

/** A sed command that replaces each CA directory by what is relayed, where `before` and `after` stand around it. */
export function toRelay(
  { directories, relayed }: Enrolment,
  before: string,
  after: string,
): { readonly sed: string[]; readonly back: string[] } {
  const pairs = directories.map((directory, at) => [directory, relayed[at] ?? directory] as const)
  const swap = (from: string, to: string) => `s#${before}${pattern(from)}${after}#\\1${to}\\2#`
  return {
    sed: pairs.map(([from, to]) => swap(from, to)),
    back: pairs.map(([from, to]) => swap(to, from)),
  }
}

/** A text as a basic regular expression. */
function pattern(text: string): string {
  return text.replace(/[.[\]*^$\\#]/g, '\\$&')
}
