import { certbot } from './certbot.ts'
import type { AcmeClient } from './client.ts'
import { dehydrated } from './dehydrated.ts'
import { lego } from './lego.ts'
import { uacme } from './uacme.ts'

export const CLIENTS: readonly AcmeClient[] = [certbot, lego, dehydrated, uacme]
