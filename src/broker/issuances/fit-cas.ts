import type { OrderRequest } from '../issuances.ts'
import { IssuerError } from '../issuer.ts'
import type { Upstream } from '../objects.ts'
import { casFor, profileAt } from '../routing/routes.ts'
import type { OpenOrders } from './open-orders.ts'

export interface FitCas {
  /** At least one. */
  readonly cas: readonly string[]
  readonly unfit: Upstream['left']
}

/**
 * CAs that the order may go to and that could serve it, in the order of the route. Rejects with IssuerError (`unfit`) where
 * there is none, which says of each why.
 */
export async function fitCas(
  open: OpenOrders,
  { endpoint, account, identifiers, profile, permitted }: OrderRequest,
): Promise<FitCas> {
  const routed = casFor(endpoint, { identifiers, label: account.label, profile })
  const allowed = permitted === null ? routed : routed.filter((ca) => permitted.includes(ca))
  if (allowed.length === 0) {
    const named = routed.map((ca) => `"${ca}"`).join(', ')
    const message = `these names are served by ${named}, and the client's EAB key is for other CAs`
    throw new IssuerError(routed[0] ?? '', 'unfit', message)
  }
  const tenant = open.tenantOf({ endpoint: endpoint.name }, account.label)
  const looked = await Promise.all(
    allowed.map(async (ca) => ({
      ca,
      why: await whyUnfit(open, ca, { tenant, identifiers, profile: profileAt(endpoint, profile, ca) }),
    })),
  )
  const unfit = looked.flatMap(({ ca, why }) => (why === null ? [] : [{ ca, why }]))
  const cas = looked.filter(({ why }) => why === null).map(({ ca }) => ca)
  if (cas.length > 0) return { cas, unfit }
  const lines = unfit.map(({ ca, why }) => `CA "${ca}": ${why}`)
  throw new IssuerError(allowed[0]!, 'unfit', `no CA can serve this order. ${lines.join('. ')}`)
}

async function whyUnfit(
  open: OpenOrders,
  ca: string,
  wanted: Parameters<ReturnType<OpenOrders['issuer']>['unfit']>[0],
): Promise<string | null> {
  try {
    return await open.issuer(ca).unfit(wanted)
  } catch (error) {
    return open.saidBy(ca, 'none', error).message
  }
}
