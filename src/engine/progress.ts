import type { JobStep } from './job.ts'

/** What somebody who watches a job is told, as it happens. Survives JSON; texts are one line without secrets. */
export type EngineProgress =
  /** A job stands at another step. */
  | { readonly kind: 'step'; readonly job: string; readonly certificate: string; readonly step: JobStep }
  /** What happens to one name: `http-01 presented`, `the CA has validated it`. */
  | {
      readonly kind: 'name'
      readonly job: string
      readonly certificate: string
      readonly name: string
      readonly state: 'authorized' | 'presenting' | 'waiting' | 'answered' | 'valid' | 'invalid'
      readonly text: string
    }
  /** Nothing happens before `until` (µs since 1970), for this reason. */
  | {
      readonly kind: 'wait'
      readonly job: string
      readonly certificate: string
      readonly until: number
      readonly text: string
    }
  | {
      readonly kind: 'note'
      readonly job: string | null
      readonly certificate: string | null
      readonly text: string
    }

/** Told of everything; must not throw. */
export type OnProgress = (progress: EngineProgress) => void
