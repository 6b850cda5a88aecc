/** Points at which a process may be killed without harm; each is told of before and after what it names. */
export const DURABLE_STEPS = [
  'account.key',
  'account.registered',
  'job.created',
  'order.announced',
  'order.stored',
  'challenge.noted',
  'challenge.presented',
  'challenge.answered',
  'challenge.withdrawn',
  'finalize.announced',
  'finalize.sent',
  'certificate.stored',
  'deploy.files',
  'job.done',
] as const
export type DurableStep = (typeof DURABLE_STEPS)[number]

/** Lets a drill stop the process at a point; resolves at once in production. */
export type FailPoint = (step: DurableStep, when: 'before' | 'after') => Promise<void>
