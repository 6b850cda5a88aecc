import type { Complaint } from '../../config/config-error.ts'
import type { Config } from '../../config/schema.ts'
import { parsePattern } from '../../policy/names/pattern.ts'

/** What is wrong with patterns of names under `broker` and `local_cas`, which are read by the rules of the policy. */
export function patternComplaints({ broker, local_cas }: Pick<Config, 'broker' | 'local_cas'>): Complaint[] {
  const lists: (readonly [path: (string | number)[], names: readonly string[]])[] = [
    ...broker.flatMap(({ labels, routes }, at) => [
      ...labels.map(({ names }, n) => [['broker', at, 'labels', n, 'names'], names] as const),
      ...routes.map(({ names }, n) => [['broker', at, 'routes', n, 'names'], names ?? []] as const),
    ]),
    ...Object.entries(local_cas).map(([name, { names }]) => [['local_cas', name, 'names'], names] as const),
  ].map(([path, names]) => [[...path], names])
  return lists.flatMap(([path, names]) =>
    names.flatMap((name, at): Complaint[] => {
      const read = parsePattern(name)
      return 'fault' in read ? [{ path: [...path, at], at: 'value', message: read.fault, instead: null }] : []
    }),
  )
}
