import { acmeTiny } from './acme-tiny.ts'
import { acmetool } from './acmetool.ts'
import { caddy } from './caddy.ts'
import { certbot } from './certbot.ts'
import type { AcmeClient, WholeClient } from './client.ts'
import { dehydrated } from './dehydrated.ts'
import { lacme } from './lacme.ts'
import { lego } from './lego.ts'
import { modMd } from './mod-md.ts'
import { nodeAcmeClient } from './node-acme-client.ts'
import { pythonAcme } from './python-acme.ts'
import { rubyAcmeClient } from './ruby-acme-client.ts'
import { uacme } from './uacme.ts'

/** Those that every test of whole lives goes through. */
export const CLIENTS: readonly WholeClient[] = [certbot, lego, dehydrated, uacme]

export const ALL_CLIENTS: readonly AcmeClient[] = [
  ...CLIENTS,
  acmetool,
  acmeTiny,
  lacme,
  caddy,
  modMd,
  pythonAcme,
  rubyAcmeClient,
  nodeAcmeClient,
]
