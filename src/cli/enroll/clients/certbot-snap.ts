import type { Client } from '../client.ts'
import { certbot, watchCertbot } from './certbot.ts'

export const certbotSnap: Client = {
  ...certbot,
  name: 'certbot-snap',
  title: 'certbot (snap)',
  units: ['snap.certbot.renew.service'],
  crons: [],
  watch: (enrolment, { run }) => [
    'The snap carries its own roots and ignores the system store: only the variable reaches it.',
    ...watchCertbot(run, enrolment),
  ],
  schedule: 'twice a day by the timer snap.certbot.renew',
  container: null,
}
