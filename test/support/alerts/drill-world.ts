/**
 * The receivers of a drill: a real SMTP server, a real Alertmanager, and one recorded endpoint for the HTTP services
 * that nobody runs at home. The program under test tells all of them; the drill reads what arrived.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Alert } from '../../../src/alerts/alert.ts'
import type { Notification } from '../../../src/alerts/notification.ts'
import type { RuleName } from '../../../src/alerts/rule-names.ts'
import {
  type Alertmanager,
  type HeldAlert,
  reasonWithoutAlertmanager,
  startAlertmanager,
} from '../peers/alertmanager.ts'
import { type ReadMail, reasonWithoutSmtp, type SmtpServer, startSmtpServer } from '../peers/smtp-server.ts'
import { type Received, type Receiver, startReceiver } from './receiver.ts'

/** Where people reach the admin listener, as links in messages have it. */
export const DRILL_URL = 'https://acmetap.example.net:9080'

/** Kinds of channels whose service is recorded rather than real; each gets a path of its own. */
export const RECORDED = [
  'slack',
  'teams',
  'discord',
  'mattermost',
  'telegram',
  'ntfy',
  'pagerduty',
  'opsgenie',
] as const
type RecordedKind = (typeof RECORDED)[number]

/** A CloudEvent as the recorded webhook got it. */
interface Told {
  /** ms since 1970: when it had arrived. */
  readonly arrived: number
  readonly id: string
  readonly notification: Notification
  readonly title: string
  readonly text: string
}

/** Which alert is looked for in what was told. */
export interface Wanted {
  readonly rule: RuleName
  /** Default `firing`. */
  readonly kind?: Notification['kind']
  /** Its names hold this one. */
  readonly name?: string
  readonly ca?: string
  /** Told of after so many that had arrived before. */
  readonly after?: number
  readonly is?: (alert: Alert) => boolean
}

export interface Found {
  readonly told: Told
  readonly alert: Alert
}

export interface DrillReceivers {
  /** `alerts.channels` of the configuration. */
  readonly channels: readonly Readonly<Record<string, unknown>>[]
  readonly hook: Receiver
  /** Slack and the like. */
  readonly services: Receiver
  /** What Alertmanager tells on. */
  readonly fromManager: Receiver
  readonly smtp: SmtpServer | null
  readonly alertmanager: Alertmanager | null
  /** What the recorded webhook was told so far, each notification once. */
  told(): readonly Told[]
  /** Waits for such an alert; rejects with what was told instead. `seconds`: 45. */
  find(wanted: Wanted, seconds?: number): Promise<Found>
  /** Those that match now. */
  all(wanted: Wanted): readonly Found[]
  /** The mail about it, waited for: by rule, kind and a text that it holds. */
  mail(rule: RuleName, kind: Notification['kind'], text: string): Promise<ReadMail>
  /** The alert as Alertmanager has it, waited for. */
  held(alert: string): Promise<HeldAlert>
  /** Waits until Alertmanager told its own webhook that it is over. */
  endedAtAlertmanager(alert: string): Promise<void>
  /** Bodies sent to a recorded service, waited for until one holds the text as JSON has it. */
  sent(kind: RecordedKind, text: string): Promise<string>
  /** Waits until the incident of the alert was ended there. */
  ended(kind: 'pagerduty' | 'opsgenie', alert: string): Promise<void>
  close(): Promise<void>
}

/** Why mail and Alertmanager can't be had here; null when both can. */
export async function reasonWithoutReceivers(): Promise<string | null> {
  return (await reasonWithoutSmtp()) ?? reasonWithoutAlertmanager()
}

/** `all` starts the real ones too; `webhook` only what is recorded by the first channel. */
export async function startReceivers(which: 'all' | 'webhook' = 'all'): Promise<DrillReceivers> {
  const hook = await startReceiver()
  const services = await startReceiver()
  const fromManager = await startReceiver()
  const smtp = which === 'all' ? await startSmtpServer('plain') : null
  const alertmanager = which === 'all' ? await startAlertmanager(fromManager.url) : null
  const heard: Told[] = []
  hook.reply = (received) => {
    const told = toldBy(received)
    if (!heard.some(({ id }) => id === told.id)) heard.push(told)
    return { status: 202 }
  }
  services.reply = ({ path }) => ANSWERS[kindOf(path)] ?? { status: 200, body: 'ok' }

  const all = ({ rule, kind = 'firing', name, ca, after = 0, is = () => true }: Wanted): Found[] =>
    heard
      .slice(after)
      .filter(({ notification }) => notification.rule === rule && notification.kind === kind)
      .flatMap((told) => told.notification.alerts.map((alert) => ({ told, alert })))
      .filter(
        ({ alert }) =>
          (name === undefined || alert.subject.names.includes(name)) &&
          (ca === undefined || alert.subject.ca === ca) &&
          is(alert),
      )
  return {
    channels: [
      { name: 'hook', webhook: { url: `${hook.url}/events`, secret: 'canary secret 51f0' } },
      ...(smtp === null
        ? []
        : [
            {
              name: 'mail',
              email: {
                smtp: `smtp://localhost:${smtp.port}`,
                tls: 'off',
                from: 'acmetap@example.net',
                to: ['ops@example.net'],
              },
            },
          ]),
      ...(alertmanager === null ? [] : [{ name: 'manager', alertmanager: { url: alertmanager.url } }]),
      ...(which === 'all' ? recordedChannels(services.url) : []),
    ],
    hook,
    services,
    fromManager,
    smtp,
    alertmanager,
    told: () => heard,
    find: (wanted, seconds = 45) =>
      until(
        () => all(wanted)[0],
        () => `${JSON.stringify(wanted)} among ${JSON.stringify(heard.map(inShort), null, 1)}`,
        seconds,
      ),
    all,
    mail: (rule, kind, text) =>
      until(
        async () =>
          (await smtp?.mails())?.find(
            ({ headers, parts }) =>
              headers['x-acmetap-rule']?.[0] === rule &&
              headers['x-acmetap-kind']?.[0] === kind &&
              parts.some((part) => part.text.includes(text)),
          ),
        () => `a mail of ${rule} (${kind}) that says ${text}`,
        60,
        // Each look starts a program.
        250,
      ),
    held: (id) =>
      until(
        async () => (await alertmanager?.firing())?.find(({ labels }) => labels.alert === id),
        () => `alert ${id} at Alertmanager`,
      ),
    endedAtAlertmanager: (id) =>
      until(
        () => fromManager.received.some(({ body }) => isOver(body, id)) || undefined,
        () => `the end of ${id} from Alertmanager`,
      ).then(() => undefined),
    sent: (kind, text) =>
      until(
        () =>
          services.received.find(({ path, body }) => kindOf(path) === kind && readable(body).includes(text))
            ?.body,
        () => `${kind} with ${text}`,
      ),
    ended: (kind, id) =>
      until(
        () =>
          services.received.some(({ path, body }) =>
            kind === 'opsgenie'
              ? path.startsWith(`/opsgenie/v2/alerts/${id}/close`)
              : kindOf(path) === kind && body.includes('"event_action":"resolve"') && body.includes(id),
          ) || undefined,
        () => `the end of ${id} at ${kind}`,
      ).then(() => undefined),
    async close() {
      await Promise.all([alertmanager?.stop(), smtp?.stop()])
      await Promise.all([hook.close(), services.close(), fromManager.close()])
    },
  }
}

function recordedChannels(url: string): Readonly<Record<string, unknown>>[] {
  const at = (kind: RecordedKind) => `${url}/${kind}`
  const settings: Readonly<Record<RecordedKind, unknown>> = {
    slack: { url: at('slack') },
    teams: { url: at('teams') },
    discord: { url: at('discord') },
    mattermost: { url: at('mattermost') },
    telegram: { url: at('telegram'), token: '12345:canary-token', chat: '-100123' },
    ntfy: { url: at('ntfy'), topic: 'drill' },
    pagerduty: { url: at('pagerduty'), routing_key: 'canary-routing-key' },
    opsgenie: { url: at('opsgenie'), api_key: 'canary-api-key' },
  }
  return RECORDED.map((kind) => ({ name: kind, [kind]: settings[kind] }))
}

/** What the services say when all is well, where it is not just 200. */
const ANSWERS: Readonly<Record<string, { readonly status: number; readonly body: string }>> = {
  telegram: { status: 200, body: '{"ok":true,"result":{}}' },
  teams: { status: 202, body: '' },
  discord: { status: 204, body: '' },
  pagerduty: { status: 202, body: '{"status":"success"}' },
  opsgenie: { status: 202, body: '{"result":"Request will be processed"}' },
}

function kindOf(path: string): string {
  return path.split('/')[1] ?? ''
}

function toldBy({ body }: Received): Told {
  const event = JSON.parse(body) as {
    readonly id: string
    readonly data: Notification & { readonly message: { readonly title: string; readonly text: string } }
  }
  const { message, ...notification } = event.data
  return { arrived: Date.now(), id: event.id, notification, ...message }
}

function isOver(body: string, id: string): boolean {
  const { alerts } = JSON.parse(body) as {
    readonly alerts: readonly { readonly status: string; readonly labels: Record<string, string> }[]
  }
  return alerts.some(({ status, labels }) => status === 'resolved' && labels.alert === id)
}

/** All texts of a JSON document, without what chat services' markup adds. */
function readable(body: string): string {
  const texts: string[] = []
  JSON.parse(body, (_key, value: unknown) => {
    if (typeof value === 'string') texts.push(value)
    return value
  })
  return texts.join('').replace(/[\\\u200b]/g, '')
}

function inShort({ notification: { rule, kind, title, alerts } }: Told): string {
  return `${rule} ${kind}: ${title} [${alerts.flatMap(({ subject }) => subject.names).join(' ')}]`
}

/** Asks again until there is something. */
export async function until<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  what: () => string,
  seconds = 45,
  every = 50,
): Promise<T> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const found = await ask()
    if (found !== undefined) return found
    if (performance.now() > end) throw new Error(`waited in vain for ${what()}`)
    await sleep(every)
  }
}
