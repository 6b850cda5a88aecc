import type { Client } from './client.ts'
import { acmeSh } from './clients/acme-sh.ts'
import { acmeTiny } from './clients/acme-tiny.ts'
import { caddy } from './clients/caddy.ts'
import { certManager } from './clients/cert-manager.ts'
import { certbot } from './clients/certbot.ts'
import { certbotPip } from './clients/certbot-pip.ts'
import { certbotSnap } from './clients/certbot-snap.ts'
import { dehydrated } from './clients/dehydrated.ts'
import { haproxy } from './clients/haproxy.ts'
import { lacme } from './clients/lacme.ts'
import { lego } from './clients/lego.ts'
import { nodeAcmeClient, pythonAcme, rubyAcmeClient } from './clients/libraries.ts'
import { modMd } from './clients/mod-md.ts'
import { traefik } from './clients/traefik.ts'
import { uacme } from './clients/uacme.ts'
import { winAcme } from './clients/win-acme.ts'

export const CLIENTS: readonly Client[] = [
  certbot,
  certbotSnap,
  certbotPip,
  lego,
  acmeSh,
  dehydrated,
  uacme,
  acmeTiny,
  lacme,
  caddy,
  traefik,
  certManager,
  winAcme,
  modMd,
  haproxy,
  nodeAcmeClient,
  pythonAcme,
  rubyAcmeClient,
]

export function clientNamed(name: string): Client | undefined {
  return CLIENTS.find((client) => client.name === name)
}
