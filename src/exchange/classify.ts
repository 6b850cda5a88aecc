import type { Ambiguity } from '../acme/ambiguity.ts'
import { canonicalTarget } from '../acme/canonical-target.ts'
import type { Operation } from '../acme/operation.ts'
import type { Classified, Received } from './exchange.ts'
import type { ResourceMap } from './resource-map.ts'

/** Targets of a CA's configured directories, by CA: they are known before any answer was seen. */
export type DirectoryTargets = ReadonlyMap<string, readonly string[]>

/**
 * Says what a request is, from what CAs have told us (directory, Location, order and authorization bodies) and
 * never by guessing one CA's paths. A target that only resembles a known resource is ambiguous.
 */
export async function classify(
  exchange: Received,
  resources: ResourceMap,
  directories: DirectoryTargets,
): Promise<Classified> {
  const { destination, request } = exchange
  const unknown = { operation: 'unrecognised' as Operation, resource: null }
  if (exchange.otherHost) {
    return { ...exchange, operation: 'tunnel', resource: null, ambiguities: request.ambiguities }
  }
  if (!destination) return { ...exchange, ...unknown, ambiguities: request.ambiguities }
  const ownDirectories = directories.get(destination.ca) ?? []
  if (ownDirectories.includes(request.target)) {
    return { ...exchange, operation: 'directory', resource: null, ambiguities: request.ambiguities }
  }
  const { resource, resembles } = await resources.recognise(
    destination.ca,
    destination.authority,
    request.target,
  )
  if (resource) {
    return { ...exchange, operation: resource.operation, resource, ambiguities: request.ambiguities }
  }
  const canonical = canonicalTarget(request.target)
  const resemblesDirectory = ownDirectories.some((target) => canonicalTarget(target) === canonical)
  const ambiguities: readonly Ambiguity[] =
    resembles || resemblesDirectory
      ? [...request.ambiguities, { kind: 'resembles-resource', where: 'target' }]
      : request.ambiguities
  return { ...exchange, ...unknown, ambiguities }
}
