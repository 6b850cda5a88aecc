/** Points at which a process may be killed without harm to an issuance; each is told of before and after what it names. */
export const BROKER_STEPS = [
  'order.placed',
  'order.stored',
  'order.ready',
  'order.authorized',
  'order.finalizing',
  'order.moved',
  'certificate.obtained',
  'certificate.stored',
  'order.failed',
] as const
export type BrokerStep = (typeof BROKER_STEPS)[number]

/** Lets a drill stop the process at a point; resolves at once in production. */
export type BrokerFailPoint = (step: BrokerStep, when: 'before' | 'after') => Promise<void>
