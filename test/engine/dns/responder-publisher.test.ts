import { responderPublisher } from '../../../src/engine/dns/responder-publisher.ts'
import { Zone } from '../../../src/engine/dns/zone.ts'
import { publisherContract } from '../../contract/publisher.contract.ts'
import { questionOf, textsOf } from '../../support/dns-question.ts'
import { SETTINGS, serviceOf } from './fixtures.ts'

const TXT = 16

publisherContract('the DNS responder', async () => {
  const { ask, clock, zone } = serviceOf()
  const other = new Zone(
    { ...SETTINGS, zone: 'example.org', nameserver: 'ns.example.org' },
    () => undefined,
    0,
  )
  return {
    make: () => responderPublisher(zone, clock),
    texts: async (name) => textsOf(ask(questionOf(name, TXT)).reply),
    name: (label) => `_acme-challenge.${label}.${SETTINGS.zone}`,
    broken: () => responderPublisher(other, clock),
    close: async () => {},
  }
})
