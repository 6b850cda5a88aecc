import { DAY, HOUR, MINUTE } from './how-things-stand.ts'

/** How a program of the fleet renews. */
export interface FleetProgram {
  readonly program: string
  /** Of the fleet's hosts, so many in a hundred. */
  readonly share: number
  /** The public CA has renewal information (RFC 9773), the internal one has none. */
  readonly ca: 'public' | 'internal'
  readonly life: number
  /** Certificates of one client. */
  readonly certificates: number
  /** How often it looks whether something is due, and by how much that is put off at random. */
  readonly every: number
  readonly jitter: number
  /** How often it asks the CA although nothing is due; null: never. */
  readonly asks: number | null
  /** A timer that makes up for what it missed while the host was off. */
  readonly catchesUp: boolean
  /** When it renews at the earliest, with a number from 0 to 1 drawn for the certificate. */
  due(life: { readonly notBefore: number; readonly notAfter: number }, drawn: number): number
}

/** Boulder: 2 % of the life, in the middle of which are two thirds (half of a short life). */
export function windowOf(notBefore: number, notAfter: number): { start: number; end: number } {
  const life = notAfter - notBefore
  const middle = notBefore + life * (life < 10 * DAY ? 1 / 2 : 2 / 3)
  return { start: middle - life * 0.01, end: middle + life * 0.01 }
}

const inWindow: FleetProgram['due'] = ({ notBefore, notAfter }, drawn) => {
  const { start, end } = windowOf(notBefore, notAfter)
  return start + drawn * (end - start)
}
const twoThirds: FleetProgram['due'] = ({ notBefore, notAfter }) =>
  notBefore + ((notAfter - notBefore) * 2) / 3

const CERTBOT = {
  ca: 'public',
  certificates: 1,
  every: 12 * HOUR,
  jitter: 40 * MINUTE,
  asks: 12 * HOUR,
  catchesUp: true,
  due: inWindow,
} as const
const CADDY = { ...CERTBOT, every: 10 * MINUTE, jitter: 0, asks: 6 * HOUR } as const

export const PROGRAMS: readonly FleetProgram[] = [
  { program: 'certbot', share: 36, life: 90 * DAY, ...CERTBOT },
  { program: 'certbot-short', share: 5, life: 160 * HOUR, ...CERTBOT },
  { program: 'caddy', share: 14, life: 90 * DAY, ...CADDY },
  { program: 'caddy-45', share: 8, life: 45 * DAY, ...CADDY },
  {
    program: 'acme.sh',
    share: 14,
    ca: 'public',
    life: 90 * DAY,
    certificates: 1,
    every: DAY,
    jitter: 0,
    asks: null,
    catchesUp: false,
    due: ({ notBefore }) => notBefore + 60 * DAY,
  },
  {
    program: 'lego',
    share: 10,
    ca: 'public',
    life: 90 * DAY,
    certificates: 1,
    every: 7 * DAY,
    jitter: 0,
    asks: null,
    catchesUp: false,
    due: ({ notAfter }) => notAfter - 30 * DAY,
  },
  {
    program: 'cert-manager',
    share: 9,
    ca: 'public',
    life: 90 * DAY,
    certificates: 8,
    every: MINUTE * 10,
    jitter: 0,
    asks: null,
    catchesUp: true,
    due: twoThirds,
  },
  {
    program: 'cert-manager-short',
    share: 1,
    ca: 'public',
    life: 160 * HOUR,
    certificates: 2,
    every: MINUTE * 10,
    jitter: 0,
    asks: null,
    catchesUp: true,
    due: twoThirds,
  },
  {
    program: 'step',
    share: 3,
    ca: 'internal',
    life: DAY,
    certificates: 1,
    every: 10 * MINUTE,
    jitter: 5 * MINUTE,
    asks: null,
    catchesUp: true,
    due: twoThirds,
  },
]
