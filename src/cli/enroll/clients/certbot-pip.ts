import type { Client } from '../client.ts'
import { certbot, lineages, watchCertbot } from './certbot.ts'

export const certbotPip: Client = {
  ...certbot,
  name: 'certbot-pip',
  title: 'certbot (pip)',
  steps: (enrolment, places) => [
    ...lineages(enrolment),
    {
      do: 'rewrite',
      paths: '/etc/crontab',
      sed: [`s#sudo certbot renew#sudo ${places.run} certbot renew#`],
      back: [`s#sudo ${places.run} certbot renew#sudo certbot renew#`],
      why: "certbot's instructions for pip put a line into /etc/crontab; sudo would drop the variables",
    },
  ],
  watch: (enrolment, { run }) => [
    'It carries its own roots (certifi) and ignores the system store.',
    ...watchCertbot(run, enrolment),
  ],
  schedule: "twice a day by certbot's recommended cron line",
  container: null,
}
