import { whyNotPublic } from '../../ca/address-class.ts'
import type { Config } from '../../config/schema.ts'
import type { LookBefore } from '../../engine/engine-parts.ts'
import { issuerOfPreset } from '../../engine/preflight/issuers.ts'
import { createPreflight } from '../../engine/preflight/preflight.ts'
import { resolversOf } from '../resolvers.ts'

/** Asks the resolvers that the configuration has for the way out, else the system's. */
export function lookBefore(config: () => Config): LookBefore {
  return async (ca, request, context) => {
    const { cas, engine } = config()
    const preset = cas[ca]?.preset
    if (!engine.preflight || preset === undefined) return
    const preflight = createPreflight({ resolvers: resolversOf(config()), notPublic: whyNotPublic })
    await preflight({ ...request, issuer: issuerOfPreset(preset) }, context)
  }
}
