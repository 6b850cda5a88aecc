import type { Config } from '../config/schema.ts'
import { type SubjectNames, subjectNames } from './name-constraints.ts'

/** The hosts of the CAs whose connections are taken over: all that a leaf is ever minted for. */
export function interceptedNames(config: Pick<Config, 'cas' | 'intercept'>): SubjectNames {
  const urls = config.intercept.cas.flatMap((name) => config.cas[name]?.directory ?? [])
  return subjectNames(urls.map((url) => new URL(url).hostname))
}
