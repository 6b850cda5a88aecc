/**
 * The interface: every row is served on the control socket, and every row but those of role `local` on the admin
 * listener. The document of the interface is made from the same rows.
 */
import type { Route } from './route.ts'
import { accountRoutes } from './routes/accounts.ts'
import { alertRoutes } from './routes/alerts.ts'
import { brokerRoutes } from './routes/broker.ts'
import { certificateRoutes } from './routes/certificates.ts'
import { challengeRoutes } from './routes/challenges.ts'
import { clientRoutes } from './routes/clients.ts'
import { engineRoutes } from './routes/engine.ts'
import { reissueRoutes } from './routes/engine-reissue.ts'
import { eventRoutes } from './routes/events.ts'
import { exchangeRoutes } from './routes/exchanges.ts'
import { failureRoutes } from './routes/failures.ts'
import { localCaRoutes } from './routes/local-ca.ts'
import { orderRoutes } from './routes/orders.ts'
import { policyRoutes } from './routes/policy.ts'
import { serverRoutes } from './routes/server.ts'
import { summaryRoutes } from './routes/summary.ts'
import { tokenRoutes } from './routes/tokens.ts'

export const ROUTES: readonly Route[] = [
  ...exchangeRoutes,
  ...eventRoutes,
  ...orderRoutes,
  ...certificateRoutes,
  ...challengeRoutes,
  ...accountRoutes,
  ...clientRoutes,
  ...failureRoutes,
  ...alertRoutes,
  ...policyRoutes,
  ...engineRoutes,
  ...reissueRoutes,
  ...brokerRoutes,
  ...localCaRoutes,
  ...summaryRoutes,
  ...serverRoutes,
  ...tokenRoutes,
]
