import { clientAuthFinding, namesFinding, renewalInfoFinding, reuseFinding } from './checks.ts'
import type { ClientHistory } from './history.ts'
import type { CaKind } from './horizon.ts'
import { scheduleFinding } from './schedule.ts'
import { type Finding, type Verdict, worst } from './verdict.ts'

export interface ClientReadiness {
  readonly client: {
    readonly id: string
    /** Its proxy user, else the address it comes from, else its account. */
    readonly host: string
    readonly program: string | null
    readonly version: string | null
    readonly account: string | null
  }
  readonly ca: string | null
  /** The dates are the CA's own announcement. */
  readonly announced: boolean
  readonly horizons: readonly {
    readonly lifetime: number
    readonly from: string | null
    readonly verdict: Verdict
  }[]
  /** The worst of all. */
  readonly verdict: Verdict
  readonly findings: readonly Finding[]
}

/** Judges one client for each lifetime to come. */
export function assess(history: ClientHistory, kind: CaKind): ClientReadiness {
  const { client } = history
  const schedules = kind.horizons.map((horizon) => scheduleFinding(history, horizon))
  const findings: Finding[] = [
    ...schedules,
    renewalInfoFinding(
      history,
      schedules.every(({ verdict }) => verdict === 'ready'),
    ),
    ...(kind.letsEncrypt ? [namesFinding(history)] : []),
    ...kind.horizons.map((horizon) => reuseFinding(history, horizon)),
    clientAuthFinding(history, kind),
  ]
  // Of a check beside the schedule only what it found counts, not that it found too little.
  const alarms = findings.filter(({ verdict }) => verdict === 'breaks' || verdict === 'at risk')
  const horizons = kind.horizons.map(({ lifetime, from }, at) => ({
    lifetime,
    from,
    verdict: worst(
      [schedules[at]!, ...alarms.filter((one) => one.lifetime === lifetime)].map(({ verdict }) => verdict),
    ),
  }))
  return {
    client: {
      id: client.id,
      host: hostOf(history),
      program: client.program,
      version: client.versions.at(-1) ?? null,
      account: client.account?.url ?? null,
    },
    ca: client.account?.ca ?? null,
    announced: kind.horizons.some(({ from }) => from !== null),
    horizons,
    verdict: worst([...horizons, ...alarms].map(({ verdict }) => verdict)),
    findings,
  }
}

/** In relay the label is the Host of the CA, which says nothing of the client. */
function hostOf({ client }: Pick<ClientHistory, 'client'>): string {
  const own = client.modes.includes('intercept') ? client.label : null
  return own ?? client.source ?? client.account?.url ?? client.id
}

/** What no traffic shows: to be said in every report. */
export const NOT_SEEN: readonly string[] = [
  'Whether anything depends on the common name of a certificate cannot be seen from issuance.',
  'Whether a renewed certificate is put to use (reload, copy to other hosts) cannot be seen either.',
  'Defaults of programs are assumed where renewals fit them; a client may be configured otherwise.',
]
