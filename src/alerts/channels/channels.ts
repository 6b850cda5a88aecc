import { readFileSync } from 'node:fs'
import type { WayOut } from '../../ca/dial.ts'
import { CHANNEL_SECRETS, readSecret } from '../../config/secrets.ts'
import { alertmanager } from './alertmanager.ts'
import type { Channel, ChannelSettings, HttpService } from './channel.ts'
import { discord } from './discord.ts'
import { httpSender } from './http-sender.ts'
import { mailSender } from './mail-sender.ts'
import { mattermost } from './mattermost.ts'
import { ntfy } from './ntfy.ts'
import { opsgenie } from './opsgenie.ts'
import { pagerduty } from './pagerduty.ts'
import { slack } from './slack.ts'
import { teams } from './teams.ts'
import { telegram } from './telegram.ts'
import { webhook } from './webhook.ts'

export interface ChannelSurroundings {
  readonly way: WayOut
  /** Name of this acmetap (`instance` of the configuration). */
  readonly instance: string
  /** `alerts.url`, or null. */
  readonly url: string | null
}

/** Makes the channel that the settings describe. Reads the files they name; throws what reading them throws. */
export function channelOf(settings: ChannelSettings, { way, instance, url }: ChannelSurroundings): Channel {
  const { name, email } = settings
  if (email !== undefined) {
    return mailSender({
      name,
      ...email,
      username: email.username ?? null,
      password: secretOf(settings, 'email'),
      trust: pem(email.trust),
      way,
    })
  }
  const { service, trust } = serviceOf(settings, instance, url)
  return httpSender({ name, service, way, trust: pem(trust) })
}

/** The configuration is checked to name exactly one kind, and the secret it needs. */
function serviceOf(
  settings: ChannelSettings,
  instance: string,
  link: string | null,
): { readonly service: HttpService; readonly trust: string | undefined } {
  const secret = (kind: Kind) => secretOf(settings, kind)
  const needed = (kind: Kind) => secret(kind) ?? ''
  const of = (service: HttpService, { trust }: { readonly trust?: string | undefined }) => ({
    service,
    trust,
  })
  if (settings.webhook) {
    const source = link ?? `urn:acmetap:${encodeURIComponent(instance)}`
    return of(webhook({ ...settings.webhook, secret: secret('webhook'), source }), settings.webhook)
  }
  if (settings.slack) return of(slack({ url: needed('slack') }), settings.slack)
  if (settings.teams) return of(teams({ url: needed('teams') }), settings.teams)
  if (settings.discord) return of(discord({ url: needed('discord') }), settings.discord)
  if (settings.mattermost) return of(mattermost({ url: needed('mattermost') }), settings.mattermost)
  if (settings.telegram) {
    return of(telegram({ ...settings.telegram, token: needed('telegram') }), settings.telegram)
  }
  if (settings.ntfy) return of(ntfy({ ...settings.ntfy, token: secret('ntfy') }), settings.ntfy)
  if (settings.pagerduty) {
    return of(
      pagerduty({ url: settings.pagerduty.url, key: needed('pagerduty'), instance }),
      settings.pagerduty,
    )
  }
  if (settings.opsgenie) {
    return of(opsgenie({ url: settings.opsgenie.url, key: needed('opsgenie'), instance }), settings.opsgenie)
  }
  if (settings.alertmanager) {
    const { url } = settings.alertmanager
    return of(alertmanager({ url, instance, heartbeat: settings.heartbeat ?? null }), settings.alertmanager)
  }
  throw new Error(`the channel ${settings.name} leads nowhere`)
}

type Kind = (typeof CHANNEL_SECRETS)[number]['kind']

function secretOf(settings: ChannelSettings, kind: Kind): string | null {
  const { key, what } = CHANNEL_SECRETS.find((one) => one.kind === kind)!
  const written = settings[kind] as Readonly<Record<string, string | undefined>> | undefined
  return readSecret({ value: written?.[key], file: written?.[`${key}_file`] }, what)
}

function pem(file: string | undefined): string | null {
  return file === undefined ? null : readFileSync(file, 'utf8')
}
